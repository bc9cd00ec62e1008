"""Predictions and targets whose shapes broadcast against each other, and sums where means are meant."""

import math

import numpy as np

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.observation.record import Record

ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")


def check_shapes(record: Record) -> list[Finding]:
    """Find losses in which every prediction meets every target.

    Statistic: the shapes of prediction and target in an elementwise loss, or of the two sides of a difference
    outside the model, that broadcast to more numbers than one of the two has, as [n, 1] and [n] do. Null:
    equal
    shapes, or a single number as the target of all. False alarms: a distance of all pairs written with
    exactly these shapes.

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
        return []
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
