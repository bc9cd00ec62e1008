"""Two views of each example that are one and the same."""

from torch import nn

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import first_tensor
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

LEAST_ROWS = 4
LEAST_TAPES = 2


def check_equal_views(record: Record) -> list[Finding]:
    """Find models that are called twice for one loss with equal examples, made twice.

    Statistic: the largest difference between the inputs of the first two calls of one model on each watched
    tape, where they are different tensors of one shape, and nothing in the model draws (dropout). Null: what
    is drawn anew for each call is never equal to the bit. False alarms: the very tensor given twice is left
    out, since a model may be asked twice; copies of it that a script compares on purpose, to see that nothing
    changes, are not.

    Args:
        record: What was seen.
    """
    apart = [found for tape in record.tapes if (found := _apart(tape)) is not None]
    if len(apart) < LEAST_TAPES or any(distance > 0.0 for distance, _ in apart):
        return []
    spread = apart[-1][1]
    return [
        Finding(
            "data.repeated",
            "the two views of each example are one and the same",
            f"on all {len(apart)} watched tapes the model is called twice for one loss with different "
            "tensors "
            "whose numbers are equal to the bit",
            "high",
            "what makes the views draws the same numbers each time: a seed is set within it, or one "
            "generator "
            "is made anew with the same seed for each view",
            "seed once, before the training, and let each view draw its own numbers",
            picture=of_numbers(
                "Largest difference between the inputs of the two calls, and between examples",
                "difference",
                {"two views of one example": 0.0, "two examples": spread},
                (spread, "two examples"),
            ),
        )
    ]


def _apart(tape: Tape) -> tuple[float, float] | None:
    """The largest difference between the inputs of the first two calls, and between two examples."""
    calls = [e for e in tape.entries if isinstance(e.call, nn.Module)]
    if not tape.playable or len(calls) < 2 or calls[0].call is not calls[1].call:
        return None
    a, b = first_tensor(calls[0]), first_tensor(calls[1])
    if a is None or b is None or a.shape != b.shape or a.ndim < 2 or len(a) < LEAST_ROWS:
        return None
    if not a.is_floating_point() or a.data_ptr() == b.data_ptr() or a.device != b.device:
        return None
    if any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in _modules(calls[0].call)):
        return None
    spread = float((a[1:] - a[:-1]).abs().max())
    return (float((a - b).abs().max()), spread) if spread > 0.0 else None


def _modules(module: object) -> list[nn.Module]:
    return list(module.modules()) if isinstance(module, nn.Module) else []
