"""Networks that are written out: tensors that an optimizer updates and no module holds."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

OFTEN = 3
"""Watched updates in which a tensor outside the optimizer is met before it counts as a weight."""

ATTRIBUTES = {"__get__", "__set__", "__delete__"}
MULTIPLYING: dict[Any, int] = {
    torch.matmul: 1,
    Tensor.matmul: 1,
    Tensor.__matmul__: 1,
    torch.mm: 1,
    Tensor.mm: 1,
    torch.addmm: 2,
    Tensor.addmm: 2,
    nn.functional.linear: -1,
}
"""Products with a matrix, and which argument it is: of ``linear`` the second, with units as rows."""


class First(NamedTuple):
    """A matrix before the first update: whether its rows are alike, whether its columns are, and its root
    mean square.
    """

    rows: bool
    columns: bool
    size: float

    @classmethod
    def of(cls, matrix: Tensor) -> "First":
        """Describe a matrix.

        >>> First.of(torch.tensor([[3.0, 4.0], [3.0, 4.0]]))
        First(rows=True, columns=False, size=3.5355...)
        """
        w = matrix.detach().float()
        rows, columns = (bool(torch.equal(w, one.expand_as(w))) for one in (w[:1], w[:, :1]))
        return cls(rows, columns, float(w.square().mean().sqrt()))

    def alike(self, *, units: bool, rows: bool) -> bool:
        """Whether all units, or else all inputs, have the same weights.

        Args:
            units: Units, or inputs.
            rows: Whether units are rows.
        """
        return self.rows if units == rows else self.columns


class Loose(nn.Module):
    """Tensors of no module, under the names that the script has for them; it is never called.

    Attributes:
        first: Its matrices, as they were when it was made.

    Args:
        tensors: By name, without dots.

    >>> [name for name, _ in Loose({"w": torch.zeros(2, requires_grad=True)}).named_parameters()]
    ['w']
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.hold(name, tensor)
        held = self._parameters.items()
        self.first = {n: First.of(p) for n, p in held if p is not None and p.ndim == 2 and p.numel()}

    def hold(self, name: str, tensor: Tensor) -> None:
        """Hold one more, under a name that is free."""
        while name in self._parameters:
            name += "'"
        # register_parameter takes nothing but nn.Parameter.
        self._parameters[name] = tensor  # type: ignore[assignment]


class LooseCalls:
    """Tells the calls of functions that use such tensors, and meets those that were left out.

    Args:
        module: What is known; tensors that are met again and again and get gradients are added to it.
        joined: Told after one was added.
    """

    def __init__(self, module: Loose, joined: Callable[[], None]) -> None:
        self._module, self._joined = module, joined
        self._known = {id(p) for p in module.parameters()}
        self._met: dict[int, tuple[Tensor, set[int]]] = {}
        self._given: set[int] = set()

    def uses(self, function: Any, args: Any, kwargs: Any, index: int) -> tuple[bool, list[Tensor]]:
        """Whether a call is given one of the tensors, and what has no derivative beside it.

        Args:
            function: The function of torch.
            args: Its arguments by place.
            kwargs: Its arguments by name.
            index: The watched update.
        """
        if getattr(function, "__name__", "") in ATTRIBUTES:
            return False, []
        leaves = [leaf for leaf in tree_flatten((args, kwargs or {}))[0] if isinstance(leaf, Tensor)]
        if function is torch.autograd.grad:  # what is differentiated by is no weight
            self._given |= {id(leaf) for leaf in leaves}
            return False, []
        own = False
        data = []
        for leaf in leaves:
            if id(leaf) in self._known:
                own = True
            elif not leaf.requires_grad:
                data.append(leaf)
            elif leaf.is_leaf:
                self._meet(leaf, index)
        return own, [leaf for leaf in data if leaf.ndim >= 1]

    def _meet(self, tensor: Tensor, index: int) -> None:
        _, updates = self._met.setdefault(id(tensor), (tensor, set()))
        updates.add(index)
        if len(updates) >= OFTEN and tensor.grad is not None and id(tensor) not in self._given:
            del self._met[id(tensor)]
            self._known.add(id(tensor))
            self._module.hold(f"a tensor {list(tensor.shape)}", tensor)
            self._joined()


def calls_of(modules: dict[str, nn.Module], joined: Callable[[], None]) -> LooseCalls | None:
    """What tells the calls of a network that is written out; ``None`` where all are modules of the script's.

    Args:
        modules: By name.
        joined: Told after a tensor was added.
    """
    found = next((m for m in modules.values() if isinstance(m, Loose)), None)
    return None if found is None else LooseCalls(found, joined)


def loose(tensors: Sequence[Tensor]) -> bool:
    """Whether what an optimizer updates is a network of no module: two tensors or more, all of them plain.

    One alone is more often an input that is sought than a weight.

    >>> made = [torch.zeros(2, 2, requires_grad=True), torch.zeros(2, requires_grad=True)]
    >>> loose(made), loose(made[:1]), loose(list(nn.Linear(2, 2).parameters()))
    (True, False, False)
    """
    return len(tensors) >= 2 and not any(isinstance(t, nn.Parameter) for t in tensors)


def matrix_of(function: Any, args: Any) -> tuple[Tensor, bool] | None:
    """The matrix that a call multiplies with, and whether its rows are units; ``None`` for other calls.

    Args:
        function: A function of torch.
        args: Its arguments by place.
    """
    place = MULTIPLYING.get(function, 0)
    if not place or len(args) <= abs(place):
        return None
    found = args[abs(place)]
    return (found, place < 0) if isinstance(found, Tensor) and found.ndim == 2 else None
