"""The first operation of torch whose result is not finite and does harm: seen below autograd, forwards and
backwards.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.calls import OWN

NAN, HIGH, LOW = 1, 2, 4
MOST_HELD = 1 << 30
"""Bytes of copies held at a time of what operations were given."""

_UNSET = {
    "empty",
    "empty_like",
    "empty_strided",
    "empty_permuted",
    "new_empty",
    "new_empty_strided",
    "resize_",
}
"""Operations whose numbers are whatever the memory held."""
_OVERWRITING = {"copy_", "fill_", "zero_", "normal_", "uniform_", "bernoulli_", "random_", "exponential_"}
"""Operations to which it does not matter what their first argument held."""


def broken(tensor: Tensor) -> int:
    """Which numbers that are not finite a tensor holds: nan (1), infinity (2), minus infinity (4), added up.

    >>> broken(torch.tensor([1.0, -math.inf, math.nan]))
    5
    """
    if not (tensor.is_floating_point() or tensor.is_complex()) or not tensor.numel() or tensor.is_meta:
        return 0
    values = stored(tensor.detach())
    values = torch.view_as_real(values) if values.is_complex() else values
    if bool(torch.isfinite(values).all()):
        return 0
    found = NAN * bool(torch.isnan(values).any())
    return found + HIGH * bool(torch.isposinf(values).any()) + LOW * bool(torch.isneginf(values).any())


def stored(tensor: Tensor) -> Tensor:
    """The numbers that a tensor holds: of a sparse one those that it stores, else all of them.

    >>> stored(torch.eye(3).to_sparse()).tolist()
    [1.0, 1.0, 1.0]
    """
    if tensor.layout == torch.sparse_coo:
        return tensor._values()
    return tensor if tensor.layout == torch.strided else tensor.values()


@dataclass(eq=False, slots=True)
class Made:
    """One operation as it was run.

    Attributes:
        index: Operations before it.
        operation: The overload in ``torch.ops.aten``.
        function: The function of torch that was called and ran it; empty where it was called itself.
        module: The dotted name of the module that called it.
        place: The line of the user's code.
        node: The number that autograd gives to its derivative.
        backward: Whether it was run in the backward pass.
        custom: Whether a derivative written by the user ran it.
        given: Copies of its arguments, by place and by name; ``None`` where they were not kept.
        results: Copies of what it gave.
        placed: Whether an infinity was put there on purpose, as a mask does.
    """

    index: int
    operation: Any
    function: str
    module: str
    place: Place | None
    node: int
    backward: bool
    custom: bool = False
    given: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    results: Any = None
    placed: bool = False

    @property
    def name(self) -> str:
        """Its name without the marks of variants, as ``"log_softmax"``."""
        name = self.operation._schema.name.rpartition("::")[2].strip("_")
        return str(name.removeprefix("native_").removesuffix("_forward"))


@dataclass(eq=False, slots=True)
class Leaf:
    """A tensor that was not finite when it came in: data, a weight, a mask."""

    tensor: Tensor
    kinds: int

    @property
    def placed(self) -> bool:
        """Whether it looks like a mask to be added: minus infinity, and no positive number."""
        values = stored(self.tensor.detach())
        return self.kinds == LOW and not bool((values > 0).any())


Origin = Made | Leaf


@dataclass(eq=False)
class FirstOperation(TorchDispatchMode):
    """Remembers for every tensor that is not finite where that began.

    A result that is not finite begins where all that the operation was given is finite; or where it is given
    infinities that were put there on purpose and gives something that is not a number, as the softmax of a
    row that is masked whole. Whether it does harm is asked last: :meth:`origin` of the loss, or of a
    gradient.

    Args:
        names: Dotted names of modules by identity.
        wanted: The index of an operation whose arguments are to be kept whatever it gives; -1 for none.
    """

    names: dict[int, str] = field(default_factory=dict)
    wanted: int = -1
    count: int = 0
    held: int = 0
    backward: bool = False
    entry: Place | None = None
    found: Made | None = None
    forwards: dict[int, Made] = field(default_factory=dict)
    _function: str = ""
    _modules: list[str] = field(default_factory=list)
    _origins: dict[int, Origin] = field(default_factory=dict)
    _stores: dict[int, Origin] = field(default_factory=dict)
    _alive: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and look at what it was given and what it gave."""
        kwargs = kwargs or {}
        index, self.count = self.count, self.count + 1
        schema = func._schema
        name = schema.name.rpartition("::")[2]
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        read = given[1:] if name in _OVERWRITING else given
        before = [(t, broken(t)) for t in read]
        copied = self._copied((args, kwargs)) if schema.is_mutable or index == self.wanted else None
        made = self._described(index, func)
        out = func(*args, **kwargs)
        if index == self.wanted:
            made.given, self.found = copied, made
        if not self.backward:
            self.forwards.setdefault(made.node, made)
        if name in _UNSET:
            return out
        results = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        for tensor in results:
            kinds = broken(tensor)
            if kinds:
                origin = self._follow(before, kinds) or made
                self._remember(tensor, origin)
                if origin is made and made.results is None:
                    made.placed = _puts_infinity(args, kwargs)
                    made.results = [_copy(t) for t in results] if not made.placed else ()
                    if not made.placed:
                        made.given = copied or self._copied((args, kwargs))
        return out

    def origin(self, tensor: Tensor) -> Origin | None:
        """Where the numbers of a tensor that are not finite began; ``None`` where all are finite."""
        kinds = broken(tensor)
        return self._origin(tensor, kinds) if kinds else None

    def _origin(self, tensor: Tensor, kinds: int) -> Origin:
        found = self._origins.get(id(tensor)) or self._stores.get(_store(tensor))
        if found is None:
            found = Leaf(tensor, kinds)
            self._remember(tensor, found)
        return found

    def _follow(self, before: list[tuple[Tensor, int]], kinds: int) -> Origin | None:
        """Where a result that is not finite comes from, among what the operation was given."""
        if kinds & NAN:
            sources = [self._origin(t, k) for t, k in before if k & NAN]
            # Of infinities, those that were put there on purpose are no fault: what is made of them is.
            sources = sources or [o for t, k in before if k and not (o := self._origin(t, k)).placed]
        else:
            sources = [self._origin(t, k) for t, k in before if k]
        return min(sources, key=_order) if sources else None

    def _remember(self, tensor: Tensor, origin: Origin) -> None:
        self._origins[id(tensor)] = origin
        self._stores[_store(tensor)] = origin
        self._alive.append(tensor)  # an identity and an address are told from others only while they live

    def _described(self, index: int, func: Any) -> Made:
        if not self.backward:
            node = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
            place = place_inside() or self.entry
            module = self._modules[-1] if self._modules else ""
            return Made(index, func, self._function, module, place, node, False)
        current = torch._C._current_autograd_node()
        node = current._sequence_nr() if current is not None else -1
        custom = isinstance(current, torch.autograd.function.BackwardCFunction)
        first = self.forwards.get(node)
        function, module, place = (
            (first.function or first.name, first.module, first.place) if first else ("", "", None)
        )
        return Made(index, func, function, module, place_inside() or place, node, True, custom)

    def _copied(self, value: Any) -> Any:
        size = sum(t.numel() * t.element_size() for t in tree_leaves(value) if isinstance(t, Tensor))
        if self.held + size > MOST_HELD:
            return None
        self.held += size
        return tree_map(_copy, value)

    @contextmanager
    def names_known(self) -> Iterator[None]:
        """Know which function of torch and which module an operation is run by."""

        def enter(module: nn.Module, args: Any) -> None:
            self._modules.append(self.names.get(id(module), self._modules[-1] if self._modules else ""))

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            self._modules.pop()

        handles = [
            register_module_forward_pre_hook(enter),
            register_module_forward_hook(leave, always_call=True),
        ]
        try:
            with _Functions(self):
                yield
        finally:
            for handle in handles:
                handle.remove()


class _Functions(TorchFunctionMode):
    """Tells which function of torch is being called."""

    def __init__(self, told: FirstOperation) -> None:
        super().__init__()
        self._told = told

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        self._told._function = "" if name.startswith("__") else name.strip("_")
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self._told._function = ""


def place_inside() -> Place | None:
    """The innermost line of the user's code, between this file's player and the operation."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if frame.f_code in _PLAYERS:
            return None
        if not path.startswith(OWN) and "site-packages" not in path:
            return Place(path, frame.f_lineno)
        frame = frame.f_back
    return None


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """The derivatives of a loss; lines of code outside this call are not those of a derivative."""
    return torch.autograd.grad(loss, parameters, allow_unused=True)


def called(call: Any, args: Any, kwargs: Any) -> Any:
    """Make a call; lines of code outside of it are not those of what it runs."""
    return call(*args, **kwargs)


_PLAYERS = {gradients.__code__, called.__code__}


def _order(origin: Origin) -> int:
    return -1 if isinstance(origin, Leaf) else origin.index


def _store(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse tensors have none
        return -id(tensor)


def _copy(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _puts_infinity(args: Any, kwargs: Any) -> bool:
    """Whether an infinity or a nan is among the plain numbers that an operation was given."""
    return any(isinstance(v, float) and not math.isfinite(v) for v in tree_leaves((args, kwargs)))
