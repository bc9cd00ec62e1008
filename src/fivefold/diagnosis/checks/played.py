"""Parts of a tape played again: what a loss was given, and what it is made of."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_map

from fivefold.diagnosis.checks.probes import in_evaluation
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape, filled, unchanged_buffers
from fivefold.diagnosis.observation.unchanged import unhooked

ADDING = {"add", "__add__", "__radd__", "__iadd__", "add_"}
SCALING = {"mul", "__mul__", "__rmul__", "mul_", "div", "__truediv__", "true_divide", "div_", "divide"}


def losses_on(tape: Tape, function: Callable[..., Tensor] = functional.cross_entropy) -> list[int]:
    """Return the places of the calls of a loss on a tape.

    Args:
        tape: Any.
        function: The loss, one of torch's functions.
    """
    return [i for i, entry in enumerate(tape.entries) if entry.call is function]


def given_at(tape: Tape, place: int, *, instead: dict[int, Any] | None = None) -> dict[str, Any]:
    """Return what a call on a tape is given, by name, with modules in evaluation mode and without gradients.

    Args:
        tape: One that can be played.
        place: The call, one of a function whose first arguments are called ``input``, ``target`` and
            ``weight``.
        instead: What calls give, by their place, where they are not to be made.
    """
    slots: dict[int, Any] = {}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if tape.conditions is not None:
            stack.enter_context(tape.conditions.again())
        for module in tape.modules:
            stack.enter_context(in_evaluation(module))
        stack.enter_context(unchanged_buffers(tape.modules))
        stack.enter_context(unhooked(tape.modules))
        for i, entry in enumerate(tape.entries):
            args, kwargs = tree_map(lambda leaf: filled(leaf, slots), (entry.args, entry.kwargs))
            if i == place:
                return dict(zip(("input", "target", "weight"), args, strict=False)) | dict(kwargs)
            out = instead[i] if instead and i in instead else entry.call(*args, **kwargs)
            slots.update(zip(entry.outputs, held_tensors(out), strict=False))
    return {}


def terms_of(tape: Tape) -> list[tuple[Tape, float]]:
    """Return the terms whose sum the loss is, each as a tape, with its factor.

    Args:
        tape: One that can be played.
    """
    made = {slot: entry for entry in tape.entries for slot in entry.outputs}
    return [(replace(tape, _loss=slot), factor) for slot, factor in _terms(made, tape._loss, 1.0)]


def _terms(made: dict[int, Entry], slot: int, factor: float) -> Iterator[tuple[int, float]]:
    entry = made[slot]
    name = "" if isinstance(entry.call, nn.Module) else getattr(entry.call, "__name__", "")
    slots = [a for a in entry.args if isinstance(a, Slot)]
    numbers = [a for a in entry.args if isinstance(a, int | float) and not isinstance(a, bool)]
    plain = not entry.kwargs and len(slots) + len(numbers) == len(entry.args)
    if plain and name in ADDING and slots:
        for inner in slots:
            yield from _terms(made, inner.index, factor)
    elif plain and name in SCALING and len(slots) == 1 and len(numbers) == 1 and numbers[0]:
        by = 1.0 / numbers[0] if "div" in name else float(numbers[0])
        yield from _terms(made, slots[0].index, factor * by)
    else:
        yield slot, factor


def numbers_on(tape: Tape) -> list[float]:
    """Return the plain numbers that calls on a tape multiply or divide by.

    Args:
        tape: Any.
    """
    return [
        float(a)
        for entry in tape.entries
        if getattr(entry.call, "__name__", "") in SCALING
        for a in entry.args
        if isinstance(a, int | float) and not isinstance(a, bool)
    ]
