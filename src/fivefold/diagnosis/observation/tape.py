"""One forward pass and the loss made from it, as a tape that can be played again at other weights."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

LONGEST = 2000
"""Operations after which a tape gives up: a loss made by so many is a program of its own."""

IN_PLACE_WITHOUT_RESULT = {"Tensor.__setitem__", "TensorBase.__setitem__"}


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a tensor that the tape makes."""

    index: int


@dataclass(slots=True)
class Entry:
    """One call on the tape: a module of the user's, or one operation of torch."""

    call: Callable[..., Any]
    args: Any
    kwargs: Any
    outputs: list[int]


@dataclass(slots=True)
class Conditions:
    """What a forward pass depends on beside weights and arguments, as it was."""

    generator: Tensor
    autocast: tuple[tuple[str, bool, torch.dtype], ...]

    @classmethod
    def now(cls) -> "Conditions":
        """Read them; the generator is the processor's (a GPU's is left as it is)."""
        kinds = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
        cast = tuple((k, torch.is_autocast_enabled(k), torch.get_autocast_dtype(k)) for k in kinds)
        return cls(torch.get_rng_state(), cast)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Work under these conditions; afterwards the generator is as it was found."""
        found = torch.get_rng_state()
        with ExitStack() as stack:
            for kind, enabled, dtype in self.autocast:
                stack.enter_context(torch.autocast(kind, dtype=dtype, enabled=enabled))
            torch.set_rng_state(self.generator)
            try:
                yield
            finally:
                torch.set_rng_state(found)


@dataclass(slots=True)
class Tape:
    """A forward pass and its loss; :meth:`finish` makes it ready to be played.

    Args:
        parameters: Tensors whose current values each playing uses.

    Attributes:
        entries: The calls in order.
        modules: The modules called from outside any other, in order.
        why_not: Why it cannot be played; empty where it can.
    """

    parameters: dict[int, Tensor] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)
    conditions: Conditions | None = None
    why_not: str = "no backward pass was seen after the forward pass"
    _known: dict[int, tuple[int, Tensor]] = field(default_factory=dict)
    _loss: int = -1
    _count: int = 0
    finished: bool = False

    def open(self) -> None:
        """Begin: remember the generator and the casts of now."""
        self.conditions = Conditions.now()

    def record_module(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """Add a call of a module from outside any other."""
        module = inner(module)
        self.modules.append(module)
        self._add(module, args, kwargs, output)

    def record(self, function: Callable[..., Any], args: Any, kwargs: Any, output: Any) -> None:
        """Add an operation, where something that the tape made goes into it."""
        if self.finished or len(self.entries) > LONGEST:
            return
        if not any(self._is_known(leaf) for leaf in tree_flatten((args, kwargs))[0]):
            return
        leaves = tree_flatten(output)[0]
        if (
            not any(isinstance(leaf, Tensor) for leaf in leaves)
            and _name(function) not in IN_PLACE_WITHOUT_RESULT
        ):
            return
        self._add(function, args, kwargs, output)

    def knows(self, tensor: Tensor) -> bool:
        """Whether the tape made this tensor."""
        return id(tensor) in self._known

    def finish(self, loss: Tensor) -> None:
        """End with the tensor on which ``backward`` was called: keep what it needs, let go of all results."""
        if self.finished:
            return
        self.finished = True
        found = self._known.get(id(loss))
        if len(self.entries) > LONGEST:
            self.why_not = f"the loss is made by more than {LONGEST} operations"
        elif found is None:
            self.why_not = "the loss was not made from what the model returned while it was watched"
        elif loss.numel() != 1:
            self.why_not = "the loss is not a single number"
        else:
            self._loss, self.why_not = found[0], ""
            self._prune()
        self._known.clear()
        if self.why_not:
            self.entries.clear()

    @property
    def playable(self) -> bool:
        """Whether it can be played."""
        return self.finished and not self.why_not

    def play(self, *, replace: dict[int, Any] | None = None) -> Tensor:
        """Return the loss [] at the current weights, on the batch and under the conditions of then.

        Statistics that modules keep (batch norm's) are left as they were found.

        Args:
            replace: Other arguments for some entries, by their place: ``{0: (inputs,)}``.
        """
        return self.outputs(replace=replace)[1]

    def outputs(self, *, replace: dict[int, Any] | None = None) -> tuple[list[Any], Tensor]:
        """Return what the modules gave, in order, and the loss."""
        if not self.playable or self.conditions is None:
            raise RuntimeError(f"expected a tape that can be played; got one that cannot: {self.why_not}")
        slots: dict[int, Any] = {}
        given: list[Any] = []
        with self.conditions.again(), unchanged_buffers(self.modules):
            for place, entry in enumerate(self.entries):
                args, kwargs = tree_map(lambda leaf: _filled(leaf, slots), (entry.args, entry.kwargs))
                args = replace[place] if replace and place in replace else args
                out = entry.call(*args, **kwargs)
                if isinstance(entry.call, nn.Module):
                    given.append(out)
                made = [leaf for leaf in tree_flatten(out)[0] if isinstance(leaf, Tensor)]
                slots.update(zip(entry.outputs, made, strict=False))
        loss: Tensor = slots[self._loss]
        return given, loss

    def _is_known(self, leaf: Any) -> bool:
        return isinstance(leaf, Tensor) and (id(leaf) in self._known or id(leaf) in self.parameters)

    def _add(self, call: Callable[..., Any], args: Any, kwargs: Any, output: Any) -> None:
        held = tree_map(self._hold, (tuple(args), dict(kwargs or {})))
        places = []
        for leaf in tree_flatten(output)[0]:
            if isinstance(leaf, Tensor):
                self._known[id(leaf)] = (self._count, leaf)
                places.append(self._count)
                self._count += 1
        self.entries.append(Entry(call, held[0], held[1], places))

    def _hold(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in self.parameters:
            return leaf
        if (known := self._known.get(id(leaf))) is not None:
            return Slot(known[0])
        return leaf.detach() if leaf.grad_fn is not None else leaf

    def _prune(self) -> None:
        needed = {self._loss}
        kept: list[Entry] = []
        for entry in reversed(self.entries):
            changes = _name(entry.call) in IN_PLACE_WITHOUT_RESULT
            leaves = tree_flatten((entry.args, entry.kwargs))[0]
            taken = {leaf.index for leaf in leaves if isinstance(leaf, Slot)}
            if needed & set(entry.outputs) or (changes and needed & taken):
                needed |= taken
                kept.append(entry)
        self.entries = kept[::-1]
        self.modules = [entry.call for entry in self.entries if isinstance(entry.call, nn.Module)]


def _filled(leaf: Any, slots: dict[int, Any]) -> Any:
    return slots[leaf.index] if isinstance(leaf, Slot) else leaf


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", "")


@contextmanager
def unchanged_buffers(modules: list[nn.Module]) -> Iterator[None]:
    """Put back what the modules keep beside their parameters, such as batch norm's statistics."""
    buffers = [b for module in modules for b in module.buffers()]
    before = [b.detach().clone() for b in buffers]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)


def inner(module: nn.Module) -> nn.Module:
    """Return what a wrapper runs: the module inside ``DistributedDataParallel`` or a compiled one.

    Playing must not wait for other processes, and must not compile anew because gradients are off.
    """
    for attribute in ("module", "_orig_mod"):
        held = module._modules.get(attribute)
        if type(module).__name__ in {"DistributedDataParallel", "DataParallel", "OptimizedModule"} and held:
            return inner(held)
    return module


def changed(structure: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a structure of arguments with a change made to each of its tensors."""
    leaves, spec = tree_flatten(structure)
    return tree_unflatten([change(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves], spec)
