"""Categories whose numbers mean one thing in training and another in evaluation."""

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers, of_shares
from fivefold.diagnosis.checks.rules import keys_of
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST = 100
"""Distinct examples of each side below which nothing is said."""

MOST_CODES = 2000
MOST_COLUMNS = 24
MOST_TARGETS = 20
RARE = 1e-9
PRIOR = 5.0
"""Examples that the mean of all counts for, beside those of a category."""


def check_codes(record: Record) -> list[Finding]:
    r"""Find categories, as an embedding reads them, that are numbered apart in training and evaluation.

    Statistics: Pearson's chi-square of the numbers of a column in training and in evaluation; how much of the
    targets' variance the mean target of a category, from every second training example,

    .. math:: m_k = (\sum_{i: c_i = k} y_i + 5 \bar y) / (n_k + 5)

    explains in the other half of training and in evaluation; the chi-square of the categories put in order of
    their share on each side. Null: a chi-square distribution, found below 1e-9; a category tells as much in
    both. Found where numbers have other shares, of which order takes away seven tenths, and their targets
    lead astray (below 0) while they hold in training (above 0.02 and three standard errors); where targets of
    evaluation are not seen, where order takes away nine tenths (medium). A population that moved has other
    shares in order, too, and the same targets by category; targets that moved leave the shares as they are.
    False alarms: shares that were exchanged, together with targets where these are seen.

    Args:
        record: What was seen.
    """
    own, other = (_table(rows) for rows in (record.training_rows, record.evaluation_rows))
    if own is None or other is None or own[0].shape[1] != other[0].shape[1]:
        return []
    (x, y), (e, z) = own, other
    sure, likely = [], []
    for place in range(x.shape[1]):
        c, d = x[:, place], e[:, place]
        if max(int(c.max()), int(d.max())) >= MOST_CODES:
            continue
        moved, away = shares_differ(c, d)
        left = shares_differ(in_order(c), in_order(d))[1]
        if moved >= RARE or left > 0.3 * away:
            continue
        if y is None or z is None or y.shape[1] != z.shape[1]:
            if left < 0.1 * away and float(np.isin(d, c).mean()) > 0.9:
                likely.append((left / away, place, moved))
            continue
        told, error, held = category_tells(c, y, d, z)
        if told > max(0.02, 3.0 * error) and held < 0.0:
            sure.append((held, told, place, moved))
    if not sure and not likely:
        return []
    title = "categories are numbered in one way for training and in another for evaluation"
    cause = "each side was encoded on its own, so that a number means another category in each"
    fix = "make the numbers from the training examples, and encode both with them"
    more = f"; so do {len(sure or likely) - 1} more columns" if len(sure or likely) > 1 else ""
    if sure:
        held, told, place, moved = min(sure)
        evidence = (
            f"column {place} of the categories: the mean target of a category, from half of the training "
            f"examples, explains {told:.0%} of the targets' variance in the other half and less than nothing "
            f"({held:.0%}) in evaluation, and the numbers have other shares there (p = {moved:.1g}){more}"
        )
        confidence: Confidence = "high" if len(sure) > 1 or held < -0.5 * told else "medium"
        picture = of_numbers(
            "What the mean target of a category explains, as much in both where nothing is wrong",
            "share of the targets' variance",
            {"other half of training": told, "evaluation": held},
            (0.0, "nothing"),
        )
        return [Finding("data.preparation", title, evidence, confidence, cause, fix, picture=picture)]
    left, place, moved = min(likely)
    evidence = (
        f"column {place} of the categories: the numbers have other shares in evaluation (p = {moved:.1g}), "
        f"and nearly the same where they are put in order of their share ({left:.0%} of the chi-square){more}"
    )
    shares = of_shares(
        "Chi-square between the shares of the categories in training and in evaluation",
        "of the chi-square as they are numbered",
        {"as they are numbered": 1.0, "in order of share": left},
        (0.1, "other shares from here on"),
    )
    return [Finding("data.preparation", title, evidence, "medium", cause, fix, picture=shares)]


def _table(rows: Rows) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Categories, [n, c], as the integer tables that the model was given hold them, and the targets, [n, k].

    Each example counts once. ``None`` where there are no categories, or few examples; no targets where not
    all are known.
    """
    blocks: list[np.ndarray] = []
    targets: list[Tensor | None] = []
    keys: list[bytes] = []
    for x, beside, y in zip(rows.inputs, rows.beside, rows.targets, strict=True):
        given = [x, *(beside or [])]
        if any(t.is_complex() for t in given):
            continue
        tables = [t.reshape(len(t), -1) for t in given if not t.is_floating_point() and t.ndim in {1, 2}]
        width = sum(t.shape[1] for t in tables)
        if 0 < width <= MOST_COLUMNS and (not blocks or width == blocks[0].shape[1]):
            blocks.append(torch.cat([t.long() for t in tables], dim=1).numpy())
            targets.append(y)
            keys += keys_of(torch.cat([t.reshape(len(t), -1).double() for t in given], dim=1).numpy())
    once = np.array(sorted({key: place for place, key in enumerate(keys)}.values()), dtype=np.int64)
    if len(once) < LEAST:
        return None
    table = np.concatenate(blocks)[once]
    known = [t.reshape(len(t), -1).double().numpy() for t in targets if t is not None and t.ndim in {1, 2}]
    if table.min() < 0:
        return None
    if len(known) < len(targets) or any(t.shape[1] != known[0].shape[1] for t in known):
        return table, None
    told = np.concatenate(known)
    if len(told) != len(keys) or told.shape[1] > MOST_TARGETS or not np.isfinite(told).all():
        return table, None
    if told.shape[1] == 1 and np.array_equal(told, np.round(told)) and len(np.unique(told)) <= MOST_TARGETS:
        told = (told == np.unique(told)).astype(float)
    return table, told[once]


def in_order(c: np.ndarray) -> np.ndarray:
    """Categories as their place in the order of their shares, the most frequent one 0.

    >>> in_order(np.array([7, 3, 7, 7, 3, 5])).tolist()
    [0, 1, 0, 0, 1, 2]
    """
    _, which, counts = np.unique(c, return_inverse=True, return_counts=True)
    place = np.empty(len(counts), dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.asarray(place[which])


def shares_differ(c: np.ndarray, d: np.ndarray) -> tuple[float, float]:
    """Return the p-value of Pearson's test that two samples have the same shares of categories, and its
    statistic.

    Categories of which fewer than five are expected in the smaller sample count as one.

    >>> import numpy as np
    >>> shares_differ(np.arange(100) % 4, np.arange(100) % 4)
    (1.0, 0.0)

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
        return 1.0, 0.0
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, table.shape[1] - 1)), statistic


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
