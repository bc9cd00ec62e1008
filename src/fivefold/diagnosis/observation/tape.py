"""One forward pass and the loss made from it, as a tape that can be played again at other weights."""

import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.unchanged import unchanged_buffers, unhooked

__all__ = ["Conditions", "Entry", "Slot", "Tape", "changed", "inner", "unchanged_buffers"]

LONGEST = 2000
"""Operations after which a tape gives up: a loss made by so many is a program of its own."""

IN_PLACE_WITHOUT_RESULT = {"Tensor.__setitem__", "TensorBase.__setitem__"}
MULTIPLICATIONS = {torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__}
DETACHING = {torch.detach, Tensor.detach}
DRAWS = {torch.multinomial, Tensor.multinomial, torch.bernoulli, Tensor.bernoulli, torch.normal}
"""Functions that draw and have no derivative: what they gave is held as it was, as a policy's actions are."""
TOGETHER = {"SyncBatchNorm", "FullyShardedDataParallel", "FSDPModule"}
"""Classes of modules whose forward pass waits for other processes."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a tensor that the tape makes."""

    index: int


@dataclass(slots=True)
class Entry:
    """One call on the tape: a module of the user's, or one operation of torch, and the line that made it.

    It is ``still`` where it was given something that has a derivative which the tape does not know.
    """

    call: Callable[..., Any]
    args: Any
    kwargs: Any
    outputs: list[int]
    place: Place | None = None
    still: bool = False


@dataclass(slots=True)
class Conditions:
    """What a forward pass depends on beside weights and arguments, as it was."""

    generator: Tensor
    autocast: tuple[tuple[str, bool, torch.dtype], ...]
    others: tuple[Any, Any]

    @classmethod
    def now(cls) -> "Conditions":
        """Read them; the generator is the processor's (a GPU's is left as it is)."""
        kinds = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
        cast = tuple((k, torch.is_autocast_enabled(k), torch.get_autocast_dtype(k)) for k in kinds)
        # Modules may draw by Python and NumPy as well (layers that are left out at random).
        return cls(torch.get_rng_state(), cast, (random.getstate(), np.random.get_state()))

    @contextmanager
    def again(self) -> Iterator[None]:
        """Work under these conditions; afterwards the generator is as it was found."""
        found, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
        with ExitStack() as stack:
            for kind, enabled, dtype in self.autocast:
                stack.enter_context(torch.autocast(kind, dtype=dtype, enabled=enabled))
            torch.set_rng_state(self.generator)
            random.setstate(self.others[0])
            np.random.set_state(self.others[1])
            try:
                yield
            finally:
                torch.set_rng_state(found)
                random.setstate(python)
                np.random.set_state(numpy)


@dataclass(slots=True)
class Tape:
    """A forward pass and its loss; :meth:`finish` makes it ready to be played.

    Args:
        parameters: Tensors whose current values each playing uses.
        place: Tells the line of the user's code that makes the present call.

    Attributes:
        entries: The calls in order.
        modules: The modules called from outside any other, in order.
        why_not: Why it cannot be played; empty where it can.
        value: The loss that was seen, before any scaling of it; nan before :meth:`finish`.
        factor: What a scaler of gradients multiplied the loss by.
        unhooked: Whether the last playing left out hooks of the script's.
        partial: Whether something that the loss was made from has a derivative that the tape does not know:
            it stands still when the tape is played at other weights.
    """

    parameters: dict[int, Tensor] = field(default_factory=dict)
    place: Callable[[], Place | None] = lambda: None
    entries: list[Entry] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)
    conditions: Conditions | None = None
    why_not: str = "no backward pass was seen after the forward pass"
    _known: dict[int, tuple[int, Tensor]] = field(default_factory=dict)
    _loss: int = -1
    _count: int = 0
    finished: bool = False
    value: float = math.nan
    factor: float = 1.0
    unhooked: bool = False
    partial: bool = False
    _factors: dict[int, float] = field(default_factory=dict)

    def open(self) -> None:
        """Begin: remember the generator and the casts of now."""
        self.conditions = Conditions.now()

    def record_module(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """Add a call of a module from outside any other."""
        module = inner(module)
        self.modules.append(module)
        self._add(module, args, kwargs, output)
        self.entries[-1].place = self.place()

    def record(self, function: Callable[..., Any], args: Any, kwargs: Any, output: Any) -> None:
        """Add an operation, where something that the tape made goes into it."""
        if self.finished or len(self.entries) > LONGEST:
            return
        if function in DRAWS or not any(self._is_known(leaf) for leaf in tree_flatten((args, kwargs))[0]):
            return
        leaves = tree_flatten(output)[0]
        if (
            not any(isinstance(leaf, Tensor) for leaf in leaves)
            and _name(function) not in IN_PLACE_WITHOUT_RESULT
        ):
            return
        if function in MULTIPLICATIONS and self._scaled(args, output):
            return
        self._add(function, args, kwargs, output)
        self.entries[-1].place = self.place()

    def _scaled(self, args: Any, output: Any) -> bool:
        """Take a loss that a scaler of gradients made larger for the loss itself: its gradients are made
        smaller again.
        """
        if len(args) != 2 or not isinstance(output, Tensor) or output.numel() != 1 or not _by_scaler():
            return False
        loss, factor = args if id(args[0]) in self._known else reversed(args)
        known = self._known.get(id(loss))
        if known is None or not isinstance(factor, Tensor):
            return False
        self._known[id(output)] = known[0], output
        self._factors[id(output)] = float(factor)
        return True

    def knows(self, tensor: Tensor) -> bool:
        """Whether the tape made this tensor."""
        return id(tensor) in self._known

    def finish(self, loss: Tensor) -> None:
        """End with the tensor on which ``backward`` was called: keep what it needs, let go of all results."""
        if self.finished:
            return
        self.finished = True
        found = self._known.get(id(loss))
        self.factor = self._factors.get(id(loss), 1.0)
        self.value = float(loss.detach()) / self.factor if loss.numel() == 1 else math.nan
        together = next((name for m in self.modules if (name := _together(m))), "")
        if len(self.entries) > LONGEST:
            self.why_not = f"the loss is made by more than {LONGEST} operations"
        elif found is None:
            self.why_not = "the loss was not made from what the model returned while it was watched"
        elif loss.numel() != 1:
            self.why_not = "the loss is not a single number"
        elif together:
            self.why_not = f"{together} waits for the other processes, which play nothing"
        else:
            self._loss, self.why_not = found[0], ""
            self._prune()
        self._known.clear()
        self._factors.clear()
        if self.why_not:
            self.entries.clear()

    @property
    def playable(self) -> bool:
        """Whether it can be played."""
        return self.finished and not self.why_not

    def with_calls(self, instead: Callable[[Entry], Callable[..., Any] | None]) -> "Tape":
        """Return this tape with other calls in the place of some; what they are given stays.

        Args:
            instead: The call for an entry; ``None`` leaves its own.
        """
        calls = [(e, instead(e)) for e in self.entries]
        return replace(self, entries=[e if call is None else replace(e, call=call) for e, call in calls])

    def play(self, *, replace: dict[int, Any] | None = None) -> Tensor:
        """Return the loss [] at the current weights, on the batch and under the conditions of then.

        Statistics that modules keep (batch norm's) are left as they were found; hooks of the script's are not
        called again.

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
        with ExitStack() as stack:
            stack.enter_context(self.conditions.again())
            stack.enter_context(unchanged_buffers(self.modules))
            self.unhooked = stack.enter_context(unhooked(self.modules))
            if any(entry.call is torch.autograd.grad for entry in self.entries):
                stack.enter_context(torch.enable_grad())  # a derivative is part of the loss
            for place, entry in enumerate(self.entries):
                args, kwargs = tree_map(lambda leaf: filled(leaf, slots), (entry.args, entry.kwargs))
                args = replace[place] if replace and place in replace else args
                out = entry.call(*args, **kwargs)
                if isinstance(entry.call, nn.Module):
                    given.append(out)
                made = held_tensors(out)
                slots.update(zip(entry.outputs, made, strict=False))
        loss: Tensor = slots[self._loss]
        return given, loss

    def detached_held(self) -> "Tape":
        """Return the tape with what was detached outside modules held at its values at the weights of now.

        Its derivative is that of the training at any weights: ``backward`` sees no derivative of what is
        detached, so that along an update it must not move either.
        """
        held: dict[int, Any] = {}

        def noted(place: int, call: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **kwargs: held.setdefault(place, call(*args, **kwargs))

        def given(value: Any) -> Callable[..., Any]:
            return lambda *args, **kwargs: value

        places = [i for i, e in enumerate(self.entries) if e.call in DETACHING]
        if not places:
            return self
        entries = list(self.entries)
        for i in places:
            entries[i] = replace(entries[i], call=noted(i, entries[i].call))
        with torch.no_grad():
            replace(self, entries=entries).play()
        for i in places:
            entries[i] = replace(entries[i], call=given(held[i].clone()))
        return replace(self, entries=entries)

    @property
    def rows(self) -> int:
        """Rows of the first tensor that was given; 0 where there is none."""
        given = (leaf for e in self.entries for leaf in tree_flatten((e.args, e.kwargs))[0])
        return next((len(x) for x in given if isinstance(x, Tensor) and x.ndim > 0), 0)

    def of_rows(self, rows: Tensor, of: int) -> "Tape":
        """Return a tape of some of the batch's rows: what was given with one entry per row is cut.

        Args:
            rows: Which.
            of: Rows of the batch.
        """
        first = next(
            (leaf for e in self.entries for leaf in tree_flatten(e.args)[0] if _of_rows(leaf, of)), None
        )
        second = first.shape[1] if first is not None and first.ndim >= 2 else 0

        def cut(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or id(leaf) in self.parameters or leaf.ndim == 0:
                return leaf
            if len(leaf) == of:
                return leaf[rows.to(leaf.device)]
            if second > 1 and len(leaf) == of * second:  # one entry per token, as one long vector
                return leaf.reshape(of, second, *leaf.shape[1:])[rows.to(leaf.device)].flatten(0, 1)
            return leaf

        entries = [
            replace(e, args=cut_all[0], kwargs=cut_all[1])
            for e in self.entries
            for cut_all in (tree_map(cut, (e.args, e.kwargs)),)
        ]
        return replace(self, entries=entries)

    def _is_known(self, leaf: Any) -> bool:
        return isinstance(leaf, Tensor) and (id(leaf) in self._known or id(leaf) in self.parameters)

    def _add(self, call: Callable[..., Any], args: Any, kwargs: Any, output: Any) -> None:
        still = any(self._stands_still(leaf) for leaf in tree_flatten((args, kwargs))[0])
        held = tree_map(self._hold, (tuple(args), dict(kwargs or {})))
        places = []
        for leaf in held_tensors(output):
            self._known[id(leaf)] = (self._count, leaf)
            places.append(self._count)
            self._count += 1
        self.entries.append(Entry(call, held[0], held[1], places, still=still))

    def _stands_still(self, leaf: Any) -> bool:
        """Whether a tensor has a derivative, and is neither made by the tape nor a parameter."""
        return isinstance(leaf, Tensor) and leaf.grad_fn is not None and not self._is_known(leaf)

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
                self.partial = self.partial or entry.still
        self.entries = kept[::-1]
        self.modules = [entry.call for entry in self.entries if isinstance(entry.call, nn.Module)]


def filled(leaf: Any, slots: dict[int, Any]) -> Any:
    """What stands in a slot, where a leaf of a call is one; the leaf itself elsewhere."""
    return slots[leaf.index] if isinstance(leaf, Slot) else leaf


def _of_rows(leaf: Any, of: int) -> bool:
    return isinstance(leaf, Tensor) and leaf.ndim >= 1 and len(leaf) == of


def _by_scaler() -> bool:
    """Whether the call that is told of was made by torch's scaler of gradients."""
    frame: FrameType | None = sys._getframe(2)
    for _ in range(8):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith("amp/grad_scaler.py"):
            return True
        frame = frame.f_back
    return False


def _together(module: nn.Module) -> str:
    """The class of a module inside whose forward pass waits for other processes; empty where none does."""
    for each in module.modules():
        for kind in type(each).__mro__:
            if kind.__name__ in TOGETHER and (each.training or kind.__name__ != "SyncBatchNorm"):
                return kind.__name__
    return ""


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", "")


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
