"""Gradients that are never cleared between updates."""

from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST = 2
SHARE = 0.9


def check_accumulation(record: Record) -> list[Finding]:
    """Find updates whose backward pass added to the gradients of the update before.

    Statistic: the share of watched updates, the first left out, at whose first backward pass gradients that
    were not zero were still there. Null: 0 for a loop that clears them, also for one that accumulates over
    several batches on purpose, since the first backward pass after an update is looked at. False alarms: none
    by construction; a training that means to sum all its gradients would be named.

    Args:
        record: What was seen.
    """
    seen = [s for s in record.steps if s.index > 0 and s.backwards > 0]
    stale = [s for s in seen if s.stale]
    if len(seen) < LEAST or len(stale) < SHARE * len(seen):
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
