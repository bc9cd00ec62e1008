"""Losses that follow from one example of the batch alone."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

LEAST_ROWS = 8
LEAST_TAPES = 2
KEEPS_ONE = ("median", "nanmedian", "max", "amax", "min", "amin", "kthvalue", "__getitem__", "select")
"""Functions that give one of the numbers that they are given."""


def check_one_example(record: Record) -> list[Finding]:
    """Find losses whose last operation keeps one example of the batch.

    Statistic: the rows of the model's outputs with a derivative that is not zero, on each watched tape, where
    the loss ends in a function that gives one of its numbers back (a median, a maximum, an index). Null: a
    mean or a sum gives every row one, but for those at which the loss is flat; found where it is a single row
    of eight or more on every tape (two or more of them). False alarms: losses of the worst example alone, on
    purpose (medium where it is no median); a choice that is made before the target comes in (of instances of
    a bag) is left out, since such a loss does not end in it.

    Args:
        record: What was seen.
    """
    counts = [found for tape in record.tapes if (found := _rows(tape)) is not None]
    if len(counts) < LEAST_TAPES or any(rows != 1 or of < LEAST_ROWS for _, rows, of in counts):
        return []
    name, _, of = counts[-1]
    return [
        Finding(
            "loss.one-example",
            "one example of each batch makes the whole loss",
            f"on all {len(counts)} watched tapes 1 of {of} rows of the output has a derivative; the loss "
            "ends in "
            f"{name}()",
            "high" if "median" in name else "medium",
            f"{name}() gives one of the numbers back, and a gradient to the example that it is of alone",
            "use mean() over the examples",
            place=next(t for t in reversed(record.tapes) if t.playable).entries[-1].place,
            picture=of_shares(
                "Examples of a batch that have a gradient",
                "share of the rows",
                {f"tape {i + 1}": rows / n for i, (_, rows, n) in enumerate(counts)},
                (1.0, "under a mean"),
            ),
        )
    ]


def _rows(tape: Tape) -> tuple[str, int, int] | None:
    """The last function of a loss, the rows of the output that have a derivative, and all rows."""
    if not tape.playable or sum(isinstance(e.call, nn.Module) for e in tape.entries) != 1:
        return None
    name = getattr(tape.entries[-1].call, "__name__", "")
    if name not in KEEPS_ONE:
        return None
    with torch.enable_grad():
        given, loss = tape.outputs()
        outs = [t for t in held_tensors(given) if t.requires_grad and t.ndim]
        n = len(outs[0]) if outs else 0
        if not n or not loss.requires_grad or any(len(t) != n for t in outs):
            return None
        slopes = torch.autograd.grad(loss, outs, allow_unused=True)
    reached = [s.reshape(n, -1).ne(0).any(1) for s in slopes if isinstance(s, Tensor)]
    return (name, int(torch.stack(reached).any(0).sum()), n) if reached else None
