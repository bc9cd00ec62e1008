"""Updates that are made without the gradients of their batch."""

import torch

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Step

SHARE = 0.9


def _empty(step: Step) -> bool:
    """Whether no parameter had a gradient, or all of them were exactly zero."""
    return bool(step.parameters) and all(not p.gradient for p in step.parameters)


def check_update_order(record: Record) -> list[Finding]:
    """Find updates that come between a forward pass and its backward pass, or after the gradients were
    cleared.

    Statistics: the share of watched updates before which a training forward pass came and no backward pass
    after it; the share that came after a backward pass and found no gradient at any parameter. Null: 0 for a
    loop in the usual order. False alarms: a loop that on purpose lags one batch behind; a network all of
    whose units are dead from the first update on has gradients of zero, where cleared ones are mostly gone
    altogether (zeros count only where the first update had none either, and where the last watched loss,
    played again, has a gradient).

    Args:
        record: What was seen.
    """
    seen = [s for s in record.steps if s.index > 0]
    early = [s for s in seen if s.forward_after_backward]
    if len(seen) < 2:
        return []
    if len(early) >= SHARE * len(seen):
        cleared = [s for s in early if not s.parameters or _empty(s)]
        none = len(cleared) > len(early) / 2
        return [
            Finding(
                "step.before-backward",
                "optimizer.step() runs before loss.backward()",
                f"at {len(early)} of {len(seen)} watched updates the forward pass had no backward pass yet: "
                + ("there were no gradients then" if none else "it used those of the batch before"),
                "high",
                "the lines of the loop are in the wrong order",
                "call loss.backward() first, then optimizer.step()",
            )
        ]
    after = [s for s in record.steps if s.backwards > 0]
    empty = [s for s in after if _empty(s)]
    gone = all(p.gradient is None for s in empty for p in s.parameters)
    if (
        len(empty) < max(2.0, SHARE * len(after))
        or not (gone or _empty(after[0]))
        or record.frozen == _names(record)
        or (not gone and _flat(record))
    ):
        return []
    return [
        Finding(
            "step.before-backward",
            "the gradients are cleared between loss.backward() and optimizer.step()",
            f"at {len(empty)} of {len(after)} watched updates the backward pass had run and every gradient "
            "was " + ("gone" if gone else "zero") + " when the optimizer used them",
            "high",
            "zero_grad() stands between backward() and step(): no update has anything to apply",
            "call optimizer.zero_grad() before loss.backward(), then optimizer.step()",
        )
    ]


def _flat(record: Record) -> bool:
    """Whether the loss, made again, has a gradient of zero: then nothing needed to clear it."""
    tape = next((t for t in reversed(record.tapes) if t.playable), None)
    held = [p for _, p in record.parameters() if p.requires_grad]
    if tape is None or not held:
        return False
    with torch.enable_grad():
        loss = tape.play()
        slopes = torch.autograd.grad(loss, held, allow_unused=True) if loss.requires_grad else ()
    return not any(slope is not None and bool(slope.any()) for slope in slopes)


def _names(record: Record) -> list[str]:
    return [name for name, _ in record.parameters()]
