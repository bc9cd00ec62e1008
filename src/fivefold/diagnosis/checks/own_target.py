"""Columns that were made from the targets of all examples of a name, the example's own among them."""

from dataclasses import dataclass

import numpy as np
import torch

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.seen import within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST_ONCE = 30
LEAST_AGAIN = 0.3
MOST_COLUMNS = 64
LEAST_VALUES = 20
LEAST_OF_LEVEL = 10
CLOSE = 1e-3
SHARE = 0.3
LINES, POINTS = 60, 200


@dataclass(frozen=True)
class Line:
    """A column that is a line of the target where another column's value occurs once.

    Attributes:
        names: The column whose values are counted.
        column: The column that follows the target.
        once: Examples whose value there occurs once.
        share: The share of them on the line.
        others: The share of all other examples on it.
    """

    names: int
    column: int
    once: int
    share: float
    others: float


def check_own_target(record: Record) -> list[Finding]:
    r"""Find columns that hold the mean target of all examples of a name, the example itself among them.

    Statistic: where a name occurs once in training, such a mean is made of that one target, so that the
    column is a line of it,

    .. math:: x = a + b y

    with one a and one b, however it was smoothed or scaled. Of the examples whose value in one column occurs
    once, the largest share that lies within a thousandth of the column's standard deviation of one line
    through two of them (of 60 draws), beside the share of all other examples. Null: a few hundredths at most
    of a measured column, and b = 0 where the example itself was left out; found from three tenths of 30
    examples or more on, with 20 different targets among them (by chance never: each lies there with
    probability of about a thousandth). Of targets with fewer values, all examples with a number of the line
    must have its target, ten of each of two targets at least. Columns with fewer than 20 values are left out.
    Where a part of the training set was kept, some values seem to occur once that do not: hence three tenths.
    False alarms: targets that are computed from a column without noise, for those examples only.

    Args:
        record: What was seen.
    """
    if within_updates(record):
        return []
    table = _table(record.training_rows)
    found = max(_lines(*table), key=lambda line: (line.share, line.once), default=None) if table else None
    if found is None:
        return []
    return [
        Finding(
            "data.leak",
            f"input column {found.column} holds the target of its own example",
            f"of {found.once} training examples whose value in column {found.names} was seen once, "
            f"{found.share:.0%} lie on one line of column {found.column} and target, to a thousandth of the "
            f"column's standard deviation; of the others {found.others:.0%}",
            "high",
            "the column is a mean of targets over examples of the same name that takes in the example "
            "itself: all of it for a name that occurs once; for new examples it knows nothing of theirs",
            "leave the example itself out of its mean, or make the column from other folds of the training "
            "set",
            picture=of_shares(
                f"Examples on one line of column {found.column} and target",
                "share of the examples",
                {f"column {found.names} seen once": found.share, "others": found.others},
                (SHARE, "found from here on"),
            ),
        )
    ]


def _table(rows: Rows) -> tuple[np.ndarray, np.ndarray] | None:
    """Distinct training examples as numbers [n, d], of all tensors that they came in, and targets [n]."""
    tables, targets = [], []
    for i, block in enumerate(rows.inputs):
        beside, target = rows.beside[i] if i < len(rows.beside) else [], rows.targets[i]
        if target is None or beside is None or target.numel() != len(block):
            return None
        if not beside and not (i < len(rows.alone) and rows.alone[i]):
            return None
        parts = [block, *beside]
        if any(p.ndim > 2 or len(p) != len(block) for p in parts):
            return None
        tables.append(torch.cat([p.reshape(len(p), -1).double() for p in parts], 1).numpy())
        targets.append(target.reshape(-1).double().numpy())
    if not tables or len({t.shape[1] for t in tables}) > 1 or not 2 <= tables[0].shape[1] <= MOST_COLUMNS:
        return None
    whole = np.unique(np.column_stack([np.concatenate(tables), np.concatenate(targets)]), axis=0)
    return (whole[:, :-1], whole[:, -1]) if np.isfinite(whole).all() else None


def _lines(x: np.ndarray, y: np.ndarray) -> list[Line]:
    out = []
    measured = np.array([j for j in range(x.shape[1]) if len(np.unique(x[:, j])) >= LEAST_VALUES], dtype=int)
    close = CLOSE * x[:, measured].std(0)
    for k in range(x.shape[1]):
        _, place, counts = np.unique(x[:, k], return_inverse=True, return_counts=True)
        once = counts[place] == 1
        if once.sum() < LEAST_ONCE or (~once).sum() < max(LEAST_ONCE, LEAST_AGAIN * len(x)):
            continue
        a, b = _best(x[once][:, measured], y[once], close)
        near = np.abs(x[:, measured] - a - b * y[:, None]) < close
        shares, others = near[once].mean(0), near[~once].mean(0)
        for i in np.flatnonzero((b != 0) & (measured != k) & (shares >= SHARE) & (others < 0.5 * shares)):
            j = int(measured[i])
            if _varied(x[once, j], y[once], near[once, i]):
                out.append(Line(k, j, int(once.sum()), float(shares[i]), float(others[i])))
    return out


def _best(x: np.ndarray, y: np.ndarray, close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each column the line a + b y that most points lie near, of those through two of them that rise or
    fall; b = 0 where there is none.

    >>> y = np.arange(40.0)
    >>> _best(np.column_stack([0.5 * y + 3.0, 0.0 * y]), y, np.array([0.01, 0.01]))[1].tolist()
    [0.5, 0.0]
    """
    order = np.random.default_rng(0)
    chosen = order.permutation(len(y))[:POINTS]
    x, y = x[chosen], y[chosen]
    spread = float(y.std())
    p, q = (order.integers(len(y), size=4 * LINES) for _ in range(2))
    apart = np.flatnonzero(np.abs(y[p] - y[q]) > 0.1 * spread)[:LINES]
    most = np.zeros(x.shape[1])
    a, b = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for one, other in zip(p[apart], q[apart], strict=True):
        slope = (x[one] - x[other]) / (y[one] - y[other])
        start = x[one] - slope * y[one]
        near = (np.abs(x - start - slope * y[:, None]) < close).sum(0)
        better = (np.abs(slope) * spread > 50 * close) & (near > most)
        a, b, most = np.where(better, start, a), np.where(better, slope, b), np.where(better, near, most)
    return a, b


def _varied(x: np.ndarray, y: np.ndarray, near: np.ndarray) -> bool:
    """Whether so many targets lie on a line that it is not by chance that of a common number or target."""
    if near.sum() < LEAST_ONCE:
        return False
    levels, counts = np.unique(y[near], return_counts=True)
    if len(levels) >= LEAST_VALUES:
        return True
    same = np.isin(x, x[near])
    return bool((counts >= LEAST_OF_LEVEL).sum() >= 2 and near[same].mean() > 0.95)
