"""Updates that are made before their backward pass."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record


def check_update_order(record: Record) -> list[Finding]:
    """Find updates that come between a forward pass and its backward pass.

    Statistic: the share of watched updates before which a training forward pass came and no backward pass
    after it. Null: 0 for a loop in the usual order. False alarms: a loop that on purpose lags one batch
    behind.

    Args:
        record: What was seen.
    """
    seen = [s for s in record.steps if s.index > 0]
    early = [s for s in seen if s.forward_after_backward]
    if len(seen) < 2 or len(early) < 0.9 * len(seen):
        return []
    cleared = [s for s in early if not s.parameters or all(not p.gradient for p in s.parameters)]
    what = (
        "there were no gradients then"
        if len(cleared) > len(early) / 2
        else "it used those of the batch before"
    )
    return [
        Finding(
            "step.before-backward",
            "optimizer.step() runs before loss.backward()",
            f"at {len(early)} of {len(seen)} watched updates the forward pass had no backward pass yet: "
            f"{what}",
            "high",
            "the lines of the loop are in the wrong order",
            "call loss.backward() first, then optimizer.step()",
        )
    ]
