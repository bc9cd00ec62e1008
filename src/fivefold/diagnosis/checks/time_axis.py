"""Along which axis of a batch time runs: told by the data, and by what the model mixes."""

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

KINDS = 30
LEAST_PAIRS = 1500


def axis_of_time(record: Record) -> int | None:
    """Return the axis, 0 or 1, along which neighbours are alike, as neighbours in time are; ``None`` where
    neither stands out.

    Numbers [a, b, ...]: mean squared difference of neighbours over twice the variance along the axis (von
    Neumann's ratio), 1 for strangers; an axis stands out below 0.7 of the other's. Tokens [a, b]: mutual
    information of neighbours, less its bias; an axis stands out above 0.1 nats and four times the other's.

    Args:
        record: What was seen.
    """
    found = _likeness(record)
    return None if found is None else _standing_out(*found)


def _likeness(record: Record) -> tuple[bool, list[float]] | None:
    """Whether the inputs are numbers, and how far apart neighbours are along each axis, or what they tell."""
    blocks = [b for b in record.training_rows.inputs if b.ndim >= 2 and min(b.shape[:2]) >= 4]
    if not blocks:
        return None
    numbers = blocks[0].is_floating_point()
    if blocks[0].ndim != (3 if numbers else 2):
        return None
    if numbers:
        return True, [float(np.median([_apart(b, axis) for b in blocks[:50]])) for axis in (0, 1)]
    return False, [_information(blocks, axis) for axis in (0, 1)]


def _standing_out(numbers: bool, along: list[float]) -> int | None:
    pairs = (along, along[::-1])
    stands = [a < 0.7 * min(b, 1.0) if numbers else a > 0.1 and a > 4 * b for a, b in pairs]
    return 0 if stands[0] else 1 if stands[1] else None


def _apart(block: Tensor, axis: int) -> float:
    x = block.double()
    n = x.shape[axis]
    # The level of a line along the axis is no likeness of neighbours: a pixel that is dark in all pictures.
    x = x - x.mean(axis, keepdim=True)
    apart = x.diff(dim=axis).square().mean() / (2 * x.square().mean() * n / (n - 1)).clamp_min(1e-300)
    return float(apart.item())


def _information(blocks: list[Tensor], axis: int) -> float:
    """Mutual information of neighbouring tokens, over the most common ones, in nats; 0 of too few pairs."""
    first = torch.cat([b.narrow(axis, 0, b.shape[axis] - 1).reshape(-1) for b in blocks]).numpy()
    second = torch.cat([b.narrow(axis, 1, b.shape[axis] - 1).reshape(-1) for b in blocks]).numpy()
    values, counts = np.unique(first, return_counts=True)
    common = values[np.argsort(-counts)][:KINDS]
    kept = np.isin(first, common) & np.isin(second, common)
    if kept.sum() < LEAST_PAIRS or len(common) < 2:
        return 0.0
    table = np.zeros((len(common), len(common)))
    order = np.argsort(common)
    places = [order[np.searchsorted(common[order], side[kept])] for side in (first, second)]
    np.add.at(table, (places[0], places[1]), 1.0)
    p = table / table.sum()
    product = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    there = p > 0
    found = float((p[there] * np.log(p[there] / product[there])).sum())
    rows, columns = int((table.sum(1) > 0).sum()), int((table.sum(0) > 0).sum())
    return float(max(0.0, found - (rows - 1) * (columns - 1) / (2 * kept.sum())))


def check_time_axis(record: Record) -> list[Finding]:
    """Find sequences that are laid out along one axis and read along the other.

    Statistics: the axis along which neighbours are alike (:func:`axis_of_time`); the axis along which the
        model
    lets one entry influence others. Null: they are the same. The first is found in shuffled data by chance in
    less than one of a million, since thousands of pairs are compared. False alarms: sorted examples of
    sequences that are noise in time.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    found = _likeness(record)
    if asked is None or found is None or _standing_out(*found) != 0:
        return []
    numbers, along = found
    module, entry, x = asked
    if x.ndim < 2 or min(x.shape[:2]) < 4:
        return []
    with in_evaluation(module):
        before = [o for o in ask(entry, x) if o.ndim >= 2 and o.shape[:2] == x.shape[:2]]
        reads = []
        for axis in (0, 1):
            changed = x.clone()
            changed.narrow(axis, 0, 1).copy_(x.narrow(axis, x.shape[axis] // 2, 1))
            after = [o for o in ask(entry, changed) if o.ndim >= 2 and o.shape[:2] == x.shape[:2]]
            rest = x.shape[axis] - 1
            pairs = zip(before, after, strict=True)
            reads.append(any(differs(a.narrow(axis, 1, rest), b.narrow(axis, 1, rest)) for a, b in pairs))
    if not before or reads[0] or not reads[1]:
        return []
    return [
        Finding(
            "axis.time",
            "sequences run along the batch, and the model reads along the other axis",
            f"in inputs of shape {list(x.shape)}, neighbours along dimension 0 are alike and those along "
            "dimension 1 are strangers; the model mixes along dimension 1 alone",
            "high",
            "a reshape or transpose laid the sequences out along the wrong axis: view(batch, length) keeps "
            "stretches together, view(length, batch) cuts them up",
            "make each row of the batch a stretch of the sequence",
            picture=of_numbers(
                "Neighbours along each dimension, of which the model mixes those along dimension 1",
                "squared distance, 1 for strangers" if numbers else "what one tells of the other, nats",
                {f"dimension {i}": value for i, value in enumerate(along)},
                (1.0, "strangers") if numbers else (0.1, "strangers tell less"),
            ),
        )
    ]
