"""Categories whose numbers mean one thing in training and another in evaluation."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.stats import chi2

from fivefold.diagnosis.checks.rules import keys_of
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST = 100
"""Distinct examples of each side below which nothing is said."""

MOST_CODES = 2000
MOST_COLUMNS = 24
RARE = 1e-9
PRIOR = 5.0
"""Examples that the mean of all counts for, beside those of a category."""


def check_codes(record: Record) -> list[Finding]:
    r"""Find categories, as an embedding reads them, that are numbered apart in training and evaluation.

    Statistics: Pearson's chi-square of the numbers of a column in training and in evaluation; how much of the
    targets' variance the mean target of a category, from every second training example,

    .. math:: m_k = (\sum_{i: c_i = k} y_i + 5 \bar y) / (n_k + 5)

    explains in the other half of training and in evaluation. Null: a chi-square distribution, found below
    1e-9;
    a category tells as much in both. Found where both fail: numbers have other shares, and their targets lead
    astray (below 0) while they hold in training (above 0.02 and three standard errors). A population that
    moved
    has other shares and the same targets by category; targets that moved leave the shares as they are. False
    alarms: both moved at once.

    Args:
        record: What was seen.
    """
    found = []
    own, other = (list(_columns(rows)) for rows in (record.training_rows, record.evaluation_rows))
    for place, ((c, y), (d, z)) in enumerate(zip(own, other, strict=False)):
        if y.shape[1] != z.shape[1] or max(int(c.max()), int(d.max())) >= MOST_CODES:
            continue
        moved = shares_differ(c, d)
        told, error, held = category_tells(c, y, d, z)
        if moved < RARE and told > max(0.02, 3.0 * error) and held < 0.0:
            found.append((place, moved, told, held))
    if not found:
        return []
    place, moved, told, held = min(found, key=lambda f: f[3])
    return [
        Finding(
            "data.preparation",
            "categories are numbered in one way for training and in another for evaluation",
            f"column {place} of the categories: the mean target of a category, from half of the training "
            "examples, "
            f"explains {told:.0%} of the targets' variance in the other half and less than nothing "
            f"({held:.0%}) in "
            f"evaluation, and the numbers have other shares there (p = {moved:.1g})"
            + (f"; so do {len(found) - 1} more columns" if len(found) > 1 else ""),
            "high" if len(found) > 1 or held < -0.5 * told else "medium",
            "each side was encoded on its own, so that a number means another category in each",
            "make the numbers from the training examples, and encode both with them",
        )
    ]


def _columns(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns of categories, [n], each with the targets, [n, k]: integer tables that the model was given."""
    blocks: list[list[np.ndarray]] = []
    targets: list[np.ndarray] = []
    keys: list[bytes] = []
    for x, beside, y in zip(rows.inputs, rows.beside, rows.targets, strict=True):
        if y is None or y.ndim > 2 or y.is_complex() or len(y) != len(x):
            continue
        given = [x, *(beside or [])]
        tables = [t for t in given if not t.is_floating_point() and not t.is_complex() and t.ndim in {1, 2}]
        columns = [c for t in tables for c in t.reshape(len(t), -1).T.numpy()]
        if columns and len(columns) <= MOST_COLUMNS and (not blocks or len(columns) == len(blocks[0])):
            blocks.append(columns)
            targets.append(y.reshape(len(y), -1).double().numpy())
            whole = torch.cat([t.reshape(len(t), -1).double() for t in (*given, y)], dim=1)
            keys += keys_of(whole.numpy())
    if not blocks or any(t.shape[1] != targets[0].shape[1] for t in targets) or targets[0].shape[1] > 16:
        return
    told = np.concatenate(targets)
    if told.shape[1] == 1 and np.array_equal(told, np.round(told)) and 2 < len(np.unique(told)) <= 20:
        told = (told == np.unique(told)).astype(float)
    table = np.stack([np.concatenate(parts) for parts in zip(*blocks, strict=True)], axis=1)
    once = np.array(sorted({key: place for place, key in enumerate(keys)}.values()))
    if len(once) < LEAST or not np.isfinite(told).all() or table.min() < 0:
        return
    for column in table[once].T.astype(np.int64):
        yield column, told[once]


def shares_differ(c: np.ndarray, d: np.ndarray) -> float:
    """Return the p-value of Pearson's test that two samples have the same shares of categories.

    Categories of which fewer than five are expected in the smaller sample count as one.

    >>> import numpy as np
    >>> shares_differ(np.arange(100) % 4, np.arange(100) % 4)
    1.0

    Args:
        c: Categories of one sample, [n], counted from 0.
        d: Of the other, [m].
    """
    wide = int(max(c.max(), d.max())) + 1
    table = np.stack([np.bincount(c, minlength=wide), np.bincount(d, minlength=wide)]).astype(float)
    often = table.sum(0) * min(len(c), len(d)) / (len(c) + len(d)) >= 5.0
    table = np.concatenate([table[:, often], table[:, ~often].sum(1, keepdims=True)], axis=1)
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 3:
        return 1.0
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    return float(chi2.sf(((table - expected) ** 2 / expected).sum(), table.shape[1] - 1))


def category_tells(c: np.ndarray, y: np.ndarray, d: np.ndarray, z: np.ndarray) -> tuple[float, float, float]:
    """Return what a category's mean target explains in half of one sample, its error, and in another sample.

    Args:
        c: Categories, [n]; the mean targets are those of every second example.
        y: Their targets, [n, k].
        d: Categories of the other sample, [m].
        z: Their targets, [m, k].

    Returns:
        R^2 in the other half of the first sample, its standard error, and R^2 in the second sample.
    """
    wide = int(max(c.max(), d.max())) + 1
    order = np.random.default_rng(0).permutation(len(c))
    one, two = order[::2], order[1::2]
    mean = y[one].mean(0)
    sums = np.zeros((wide, y.shape[1]))
    np.add.at(sums, c[one], y[one] - mean)
    told = mean + sums / (np.bincount(c[one], minlength=wide)[:, None] + PRIOR)

    def explained(codes: np.ndarray, targets: np.ndarray) -> np.ndarray:
        base = ((targets - mean) ** 2).sum(1)
        return np.asarray((base - ((targets - told[codes]) ** 2).sum(1)) / max(float(base.mean()), 1e-300))

    own, other = explained(c[two], y[two]), explained(d, z)
    return float(own.mean()), float(own.std() / len(own) ** 0.5), float(other.mean())
