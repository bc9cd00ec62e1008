"""Predictions and targets whose shapes broadcast against each other, and sums where means are meant."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.played import given_at
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.observation.calls import DIFFERENCES, LOSSES
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot

ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")


def check_shapes(record: Record) -> list[Finding]:
    """Find losses in which every prediction meets every target.

    Statistic: the shapes of prediction and target in an elementwise loss, or of the two sides of a difference
    outside the model, that broadcast to more numbers than one of the two has, as [n, 1] and [n] do. Null:
    equal shapes, or a single number as the target of all. Also differences, and no others, in which one row
    that is another at every update meets all rows that were made. False alarms: a
    distance of all pairs written with exactly these shapes; a moving mean that outputs are centred by.

    Args:
        record: What was seen.
    """
    found: list[tuple[tuple[int, ...], tuple[int, ...], Place | None]] = [
        (c.prediction.shape, c.target.shape, c.place)
        for c in losses_of(record, ELEMENTWISE)
        if c.prediction.shape != c.target.shape
        and (_crossed(c.prediction.shape, c.target.shape) or _unequal(c.prediction.shape, c.target.shape))
    ]
    found += [
        (o.shape[: o.dim], o.shape[o.dim :], o.place)
        for s in record.steps
        for o in s.operations
        if o.function == "difference"
    ]
    if not found:
        return _one_for_all(record)
    a, b, place = found[-1]
    both = np.broadcast_shapes(a, b)
    return [
        Finding(
            "loss.broadcast",
            "predictions and targets broadcast: every prediction is compared with every target",
            f"shapes {list(a)} and {list(b)} make {math.prod(both):,} differences of shape {list(both)} at "
            f"{len(found)} calls",
            "high",
            "one of the two has a dimension of size 1 that the other lacks",
            "give both the same shape: prediction.squeeze(1), or target.unsqueeze(1)",
            place=place,
            picture=of_numbers(
                "Numbers on either side, and the differences they make: as many where nothing is wrong",
                "numbers",
                {"predictions": math.prod(a), "targets": math.prod(b), "differences": math.prod(both)},
                (max(math.prod(a), math.prod(b)), "one for each"),
                logarithmic=True,
            ),
            figures={"prediction": tuple(a), "target": tuple(b)},
        )
    ]


def _one_for_all(record: Record) -> list[Finding]:
    """Differences of all rows that the model made and a single one, which changes from batch to batch."""
    last: list[tuple[Tensor, Tensor, Place | None]] = []
    for tape in (t for t in record.tapes if t.playable):
        calls = [i for i, e in enumerate(tape.entries) if e.call in DIFFERENCES and _given(e) is not None]
        if len(calls) != 1 or any(e.call in LOSSES for e in tape.entries):
            return []
        entry = tape.entries[calls[0]]
        target = _given(entry)
        sides = [a for a in given_at(tape, calls[0]).values() if isinstance(a, Tensor)]
        made = next((a for a in sides if a is not target), None)
        if target is None or made is None or made.ndim != target.ndim or made.ndim < 2:
            return []
        if not target.shape[0] == 1 < made.shape[0] or target.shape[1:] != made.shape[1:]:
            return []
        last.append((made, target, entry.place))
    if len(last) < 2 or any(torch.equal(a[1], b[1]) for a, b in pairwise(last)):
        return []
    made, target, place = last[-1]
    return [
        Finding(
            "loss.broadcast",
            "one target broadcasts to all examples of a batch",
            f"shapes {list(made.shape)} and {list(target.shape)}: {len(made)} predictions are compared with "
            f"one row, another one in each of {len(last)} batches",
            "high",
            "the targets were summed up over the batch (mean(0, keepdim=True)) before they met the "
            "predictions",
            "compare each prediction with its own target, and take the mean of what is left",
            place=place,
            figures={"prediction": tuple(made.shape), "target": tuple(target.shape)},
        )
    ]


def _given(entry: Entry) -> Tensor | None:
    """What meets something that the model made, where it has no derivative and is no single number."""
    tensors = [a for a in entry.args if isinstance(a, Tensor) and not a.requires_grad and a.numel() > 1]
    made = any(isinstance(a, Slot) for a in entry.args)
    return tensors[0] if made and len(tensors) == 1 else None


def _unequal(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether one side has more numbers than the other, which is more than a single number itself."""
    return min(math.prod(a), math.prod(b)) > 1 and math.prod(a) != math.prod(b)


def _crossed(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes broadcast to more numbers than either has, as [n, 1] and [n] do."""
    try:
        both = np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return math.prod(both) > max(math.prod(a), math.prod(b))
