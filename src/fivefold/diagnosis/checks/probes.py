"""Questions put to the model itself, in evaluation mode, without gradients, leaving it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.calls import place_of_user
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape, unchanged_buffers

ROUNDING = 1e-4
"""Relative change of an output from which on it is taken for another."""


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; modes and buffers are put back."""
    modes = [(m, m.training) for m in module.modules()]
    random = torch.get_rng_state()
    try:
        with torch.no_grad(), unchanged_buffers([module]):
            module.eval()
            yield
    finally:
        for inner, mode in modes:
            inner.training = mode
        torch.set_rng_state(random)


def last_call(record: Record) -> tuple[Tape, Entry] | None:
    """The last watched training pass through a module that was given no other's output, with its tape."""
    for tape in reversed(record.tapes):
        calls = [entry for entry in tape.entries if isinstance(entry.call, nn.Module)]
        if calls and not any(isinstance(a, Slot) for a in calls[-1].args):
            return tape, calls[-1]
    return None


def first_tensor(entry: Entry) -> Tensor | None:
    """The first tensor given to the module by place; ``None`` where there is none."""
    return next((a for a in entry.args if isinstance(a, Tensor)), None)


def last_question(record: Record) -> tuple[nn.Module, Entry, Tensor] | None:
    """The module of :func:`last_call`, its call and the first tensor given to it by place.

    It is what a check needs to ask the model again with other inputs; ``None`` where one of them is missing.
    """
    found = last_call(record)
    if found is None:
        return None
    entry, x = found[1], first_tensor(found[1])
    return (entry.call, entry, x) if isinstance(entry.call, nn.Module) and x is not None else None


def ask(entry: Entry, given: Tensor) -> list[Tensor]:
    """Return the floating outputs of the module for another first tensor."""
    placed = False
    args: list[Any] = []
    for a in entry.args:
        args.append(given if isinstance(a, Tensor) and not placed else a)
        placed = placed or isinstance(a, Tensor)
    out = entry.call(*args, **entry.kwargs)
    return [leaf for leaf in held_tensors(out) if leaf.is_floating_point()]


def given_tensors(entry: Entry) -> list[Tensor]:
    """All tensors given to the module, by place, then by name."""
    return [a for a in (*entry.args, *entry.kwargs.values()) if isinstance(a, Tensor)]


def answer(entry: Entry, place: int, given: Tensor) -> list[Tensor]:
    """Return the floating outputs of the module for another tensor in the place of one of
    :func:`given_tensors`.
    """
    here = given_tensors(entry)[place]
    args = [given if a is here else a for a in entry.args]
    kwargs = {key: given if a is here else a for key, a in entry.kwargs.items()}
    return [leaf for leaf in held_tensors(entry.call(*args, **kwargs)) if leaf.is_floating_point()]


class Dropouts(TorchFunctionMode):
    """Notes calls of dropout as a function that are switched on."""

    def __init__(self) -> None:
        super().__init__()
        self.place: Place | None = None
        self.on = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call."""
        if getattr(func, "__name__", "").startswith(("dropout", "alpha_dropout", "feature_dropout")):
            given = dict(zip(("input", "p", "training"), args, strict=False)) | (kwargs or {})
            if given.get("training", True) and given.get("p", 0.5) > 0:
                self.on, self.place = True, place_of_user()
        return func(*args, **(kwargs or {}))


def differs(a: Tensor, b: Tensor, *, relative: float = ROUNDING) -> bool:
    """Whether two outputs differ by more than rounding, relative to the largest number of either."""
    size = max(float(a.abs().max()), float(b.abs().max()), 1e-12) if a.numel() else 1.0
    return bool(((a - b).abs() > relative * size).any()) if a.numel() else False
