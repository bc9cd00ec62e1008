"""Gradients that are never cleared between updates."""

from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST = 2
SHARE = 0.9
SHARE_OF_ONE = 0.5


def check_accumulation(record: Record) -> list[Finding]:
    """Find updates whose backward pass added to the gradients of the update before.

    Statistic: the share of watched updates, the first left out, at whose first backward pass gradients that
    were not zero were still there. Null: 0 for a loop that clears them, also for one that accumulates over
    several batches on purpose, since the first backward pass after an update is looked at. Half of the
    updates are enough where there is one optimizer (cleared once an epoch); of two, each may leave gradients
    in the other's parameters that are cleared later. False alarms: none by construction; a training that
    means to sum all its gradients would be named.

    Args:
        record: What was seen.
    """
    seen = [s for s in record.steps if s.index > 0 and s.backwards > 0]
    stale = [s for s in seen if s.stale]
    least = SHARE_OF_ONE if len(record.optimizers) <= 1 else SHARE
    if len(seen) < LEAST or len(stale) < max(LEAST, least * len(seen)):
        return []
    points = tuple((float(s.index), s.gradient) for s in record.steps)
    return [
        Finding(
            "gradient.accumulates",
            "gradients are not cleared between updates",
            f"at {len(stale)} of {len(seen)} watched updates the gradients of earlier batches were still "
            "there when the backward pass began; "
            f"their norm went from {points[0][1]:.3g} to {points[-1][1]:.3g}",
            "high",
            "zero_grad() is not called in the loop, so that every update sums all batches so far",
            "call optimizer.zero_grad() once per update, before loss.backward()",
            picture=Picture(
                "The norm of the gradient grows with the number of batches summed",
                "update",
                "gradient norm",
                {"gradient": points},
                logarithmic=True,
            ),
        )
    ]
