"""Classes of the next step, asked of models that see it."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.checks.future import MANY, answers_around, differ, targets_of
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.probes import given_tensors, last_call
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

LEAST_STEPS = 200
LEAST_LENGTH = 4
STEPS_OF_A_KIND = 5
KNOWN = 0.8
ALL = 0.99
OWN = 0.9


def filled_up(x: Tensor) -> Tensor:
    """Return where sequences of different lengths are filled up at their ends, [b, t].

    What fills up is the last step that most of them have, where more than one has it.

    Args:
        x: [b, t, channels].

    >>> filled_up(torch.tensor([[[1], [2]], [[3], [0]], [[2], [0]]])).tolist()
    [[False, False], [False, True], [False, True]]
    """
    steps, counts = torch.unique(x[:, -1], dim=0, return_counts=True)
    if int(counts.max()) < 2:
        return torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    same = (x == steps[counts.argmax()]).all(2)
    trailing: Tensor = same.flip(1).long().cumprod(1).flip(1).bool()
    return trailing


def told(keys: np.ndarray, classes: np.ndarray) -> float:
    """Share of held-out classes that are the commonest of their key; 0 where keys hardly ever come again.

    Every second entry is held out; of those, entries count whose key is among the others, where most are.

    >>> told(np.repeat([0.5, 1.5], 40), np.repeat([3, 5], 40)), told(np.arange(40), np.arange(40))
    (1.0, 0.0)
    """
    kinds, found = np.unique(np.round(keys, 4), return_inverse=True)
    table = np.zeros((len(kinds), int(classes.max()) + 1))
    np.add.at(table, (found[::2], classes[::2]), 1.0)
    held_out, right = found[1::2], classes[1::2]
    known = (table.sum(1) > 0)[held_out]
    if float(known.mean()) < KNOWN or len(kinds) * STEPS_OF_A_KIND > len(found):
        return 0.0
    return float((table.argmax(1)[held_out] == right)[known].mean())


def check_next_steps(record: Record) -> list[Finding]:
    """Find sequence models that are asked for a class of the next step, and see it.

    Statistics: the share of targets, one class per step, that :func:`told` finds from the next step (a
    channel of it, or how much that changes), beside the share that the step itself tells in the same ways;
    and the change of outputs at a place when only later inputs change. Null: targets follow from what is at
    their own step or around it, not exactly, or outputs do not change. Found where the next step tells 99% or
    more, the own one at most 90%: of classes unrelated to the next step, held out as they are, chance tells
    no more than the commonest class, which the own step tells as well. False alarms: labels of steps that
    are by their meaning a rule of the next one, for models that may see all.

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    tape, entry = found
    sequences = [(i, x) for i, x in enumerate(given_tensors(entry)) if _is_sequence(x)]
    for y in targets_of(tape):
        if y.is_floating_point() or y.dtype == torch.bool or y.ndim > 2:
            continue
        fit = [(i, x) for i, x in sequences if y.numel() == x.shape[0] * x.shape[1]]
        if not fit or any(_is_next(x, y) for _, x in fit):
            continue
        own = max(share for _, x in fit for share in _shares(x, y, 0))
        after = [max(_shares(x, y, 1)) for _, x in fit]
        best = int(np.argmax(after))
        if after[best] >= ALL and own <= OWN:
            return _seen(entry, *fit[best], after[best], own)
    return []


def _is_sequence(x: Tensor) -> bool:
    """Whether a tensor is [b, t] of tokens or [b, t, channels]."""
    tokens = x.ndim == 2 and not x.is_floating_point()
    return (tokens or x.ndim == 3) and len(x) >= 2 and x.shape[1] >= LEAST_LENGTH and x.dtype != torch.bool


def _is_next(x: Tensor, y: Tensor) -> bool:
    """Whether targets are the next tokens themselves, of which :func:`check_future` tells."""
    laid = y.reshape(x.shape[:2])
    return x.ndim == 2 and float((x[:, 1:] == laid[:, :-1]).float().mean()) >= MANY


def _shares(x: Tensor, y: Tensor, ahead: int) -> Iterator[float]:
    """What each channel of the steps so far ahead tells of the targets, and what its change up to them."""
    steps = (x[:, :, None] if x.ndim == 2 else x).cpu()
    b, t, channels = steps.shape
    there = ~filled_up(steps)
    classes = y.reshape(b, t).cpu()
    # A place, the one before the step that is asked, and the step, all before the filling.
    asked = there[:, 1:] if ahead else there[:, 1:] & there[:, :-1]
    of = classes[:, :-1] if ahead else classes[:, 1:]
    kept = asked & (of >= 0)
    if int(kept.sum()) < LEAST_STEPS:
        yield 0.0
        return
    values = of[kept].numpy()
    for c in range(channels):
        now, before = steps[:, 1:, c].double(), steps[:, :-1, c].double()
        yield told(now[kept].numpy(), values)
        yield told((now - before)[kept].numpy(), values)


def _seen(entry: Entry, place: int, x: Tensor, after: float, own: float) -> list[Finding]:
    _, later = answers_around(entry, place, x, 1)
    if not differ(later):
        return []
    return [
        Finding(
            "mask.future",
            "the model sees the step whose class it is to predict",
            f"the next step tells {after:.1%} of the targets, the step itself {own:.1%}; and outputs at "
            f"the first {x.shape[1] // 2} steps change when only later ones do",
            "high",
            "a convolution is padded on both sides, a recurrent layer runs in both directions, or attention "
            "has no causal mask",
            "let outputs know the steps up to their own: pad convolutions on the left alone, "
            "bidirectional=False, is_causal=True",
            picture=of_shares(
                "Targets that one step tells by a rule: not all where something is left to predict",
                "share of the targets",
                {"the step itself": own, "the next step": after},
                (ALL, "nearly all"),
            ),
        )
    ]
