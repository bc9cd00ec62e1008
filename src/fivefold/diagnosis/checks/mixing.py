"""Examples that influence each other's predictions."""

import math

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from fivefold.diagnosis.checks.probes import (
    ROUNDING,
    Dropouts,
    ask,
    differs,
    in_evaluation,
    last_question,
)
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.checks.time_axis import axis_of_time
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record


def _per_example(record: Record, n: int) -> bool:
    """Whether the loss has one target per example: [n] labels, or [n, k] numbers."""
    calls = losses_of(record)
    if not calls or not calls[-1].target.shape:
        return False
    target = calls[-1].target
    return target.shape[0] in {n, calls[-1].prediction.shape[0]} and (
        len(target.shape) == 1 or not target.integer
    )


def _another(x: Tensor, place: int) -> Tensor:
    """An example in place of one: its numbers moved by the spread of the batch, or its tokens by those of
    others.
    """
    if x.is_floating_point():
        draw = torch.randn(x[place].shape, generator=torch.Generator().manual_seed(0)).to(x)
        return x[place] + draw * x.float().std().to(x)
    others = x[torch.arange(len(x)) != place]
    return others[0] if not torch.equal(others[0], x[place]) else others[-1].flip(0)


def of_changes(title: str, before: Tensor, after: Tensor, rounding: float) -> Picture | None:
    """Show the largest change of each row of an output, over the largest number in it, beside rounding.

    Args:
        title: What is to be seen.
        before: One answer, [n, ...].
        after: The other, of the same shape.
        rounding: The change from which on two numbers are taken for different.

    Returns:
        The picture; ``None`` where no change is finite. Changes below 1e-9 are drawn there.

    >>> a = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    >>> of_changes("t", a, a + torch.tensor([[0.0], [1.0]]), 1e-4).curves["change"]
    ((0.0, 1e-09), (1.0, 0.5))
    """
    one, other = (side.reshape(len(side) if side.ndim else 1, -1).double() for side in (before, after))
    size = max(float(one.abs().max()), float(other.abs().max()), 1e-12)
    changes = (one - other).abs().amax(1) / size
    points = tuple((float(i), max(c, 1e-9)) for i, c in enumerate(changes.tolist()) if math.isfinite(c))
    shown = {"change": points}
    level = (rounding, "rounding ends here")
    return Picture(title, "row", "largest change", shown, level, logarithmic=True) if points else None


def check_mixing(record: Record) -> list[Finding]:
    """Find models in which an example's prediction depends on the other examples of its batch.

    Statistic: the change of all other outputs when one example is replaced by another, in evaluation mode,
    where not even batch norm mixes. Null: nothing but rounding. False alarms: models of graphs or sets, whose
    rows belong together (left out where a matrix of n x n, or a list of pairs of rows, is given beside the
    inputs or kept in the model, or where the loss has no target per example); sequences whose first dimension
    is time (left out
    where neighbours along it are alike, as neighbours in time are).

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    if x.ndim < 1 or len(x) < 3:
        return []
    with in_evaluation(module):
        dropouts = Dropouts()
        with dropouts:
            before = ask(entry, x)
        again = ask(entry, x)
    outputs = [i for i, o in enumerate(before) if o.ndim >= 1 and len(o) == len(x)]
    moved = [i for i in outputs if differs(before[i], again[i])]
    if moved:
        return _random(dropouts, before[moved[0]], again[moved[0]])
    if not _per_example(record, len(x)) or relates_rows(record) or axis_of_time(record) == 0:
        return []
    with in_evaluation(module):
        middle = len(x) // 2
        changed = x.clone()
        changed[middle] = _another(x, middle)
        after = ask(entry, changed)
    if not outputs or torch.equal(changed, x):
        return []
    kept = [i for i in range(len(x)) if i != middle]
    mixed = [i for i in outputs if differs(before[i][kept], after[i][kept])]
    if not mixed:
        return []
    return [
        Finding(
            "batch.mixed",
            "an example's prediction depends on the other examples of its batch",
            f"with one of {len(x)} examples replaced, the outputs for the others change, in evaluation mode",
            "medium" if _one_batch(record) else "high",
            "an operation runs along the batch: a wrong dim, a reshape where a transpose was meant, or a "
            "recurrent or attention layer that takes the first dimension for time (batch_first)",
            "keep dimension 0 for examples throughout: check view/reshape, dim=, and batch_first=True",
            picture=of_changes(
                "Change of the other examples' outputs when one is replaced: rounding where nothing is wrong",
                before[mixed[0]][kept],
                after[mixed[0]][kept],
                ROUNDING,
            ),
        )
    ]


def relates_rows(record: Record) -> bool:
    """Whether the model is given, or holds, a tensor that tells which rows belong together: a graph."""
    asked = last_question(record)
    if asked is None or not asked[2].ndim:
        return False
    module, entry, x = asked
    given = [a for a in tree_flatten((entry.args, entry.kwargs))[0] if isinstance(a, Tensor)]
    others = [a for a in given if a is not x] + list(module.buffers())
    return any(_relates(a, len(x)) for a in others)


def _relates(other: Tensor, n: int) -> bool:
    """Whether a tensor tells which rows belong together: a matrix [n, n], or pairs of rows, [2, m] or
    [m, 2].
    """
    if other.ndim >= 2 and other.shape[-1] == other.shape[-2] == n:
        return True
    pairs = (
        other.ndim == 2 and 2 in other.shape and not other.is_floating_point() and other.dtype != torch.bool
    )
    return other.is_sparse or (pairs and other.numel() > 0 and int(other.max()) < n)


def _one_batch(record: Record) -> bool:
    """Whether all kept batches are one and the same: rows of a graph, or a table in one piece."""
    blocks = record.training_rows.inputs
    return len(blocks) >= 3 and all(torch.equal(blocks[0], b) for b in blocks[1:])


def _random(dropouts: Dropouts, one: Tensor, other: Tensor) -> list[Finding]:
    """Of a model that differs from pass to pass: only dropout is a fault, sampling may be meant."""
    if not dropouts.on:
        return []
    return [
        Finding(
            "mode.dropout-in-evaluation",
            "dropout stays on in evaluation mode",
            "two passes in a row, in evaluation mode, differ; dropout is called as a function with training "
            "on",
            "high",
            "functional dropout does not know of the module's mode",
            "use torch.nn.Dropout, or pass training=self.training",
            place=dropouts.place,
            picture=of_changes(
                "Change of the outputs from one pass to the next: rounding where nothing is wrong",
                one,
                other,
                ROUNDING,
            ),
        )
    ]
