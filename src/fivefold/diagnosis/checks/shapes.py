"""Predictions and targets whose shapes broadcast against each other, and sums where means are meant."""

from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.observation.record import Record

ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")


def check_shapes(record: Record) -> list[Finding]:
    """Find losses in which every prediction meets every target.

    Statistic: the shapes of prediction and target in an elementwise loss, or of the two sides of a difference
    outside the model, being [n, 1] and [n]. Null: equal shapes. False alarms: a distance of all pairs written
    with exactly these shapes.

    Args:
        record: What was seen.
    """
    found: list[tuple[tuple[int, ...], tuple[int, ...], Place | None]] = [
        (c.prediction.shape, c.target.shape, c.place)
        for c in losses_of(record, ELEMENTWISE)
        if c.prediction.shape != c.target.shape and _crossed(c.prediction.shape, c.target.shape)
    ]
    found += [
        (o.shape[:-1], o.shape[-1:], o.place)
        for s in record.steps
        for o in s.operations
        if o.function == "difference"
    ]
    if not found:
        return []
    a, b, place = found[-1]
    n = max(a[0], b[-1])
    return [
        Finding(
            "loss.broadcast",
            "predictions and targets broadcast: every prediction is compared with every target",
            f"shapes {_shape(a, n)} and {_shape(b, n)} make {n} x {n} differences at {len(found)} calls",
            "high",
            "one of the two has a dimension of size 1 that the other lacks",
            "give both the same shape: prediction.squeeze(1), or target.unsqueeze(1)",
            place=place,
        )
    ]


def _shape(shape: tuple[int, ...], n: int) -> str:
    return str(list(shape)) if shape else f"[{n}]"


def _crossed(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes that differ broadcast to more numbers than either has, as [n, 1] and [n] do."""
    short, long = sorted((a, b), key=len)
    return len(long) == len(short) + 1 and long[-1] == 1 and long[:-1] == short and short[-1] > 1
