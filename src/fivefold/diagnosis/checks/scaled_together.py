"""Columns of different units that were scaled by one mean and one standard deviation of them all."""

import math

import numpy as np

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import stacked
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_COLUMNS, MOST_COLUMNS = 3, 32
LEAST_ROWS = 200
ERRORS = 3.0
MOST_OFF = 0.1
APART = 0.5
UNEQUAL, DROWNED = 10.0, 25.0


def together(x: np.ndarray) -> tuple[int, int] | None:
    r"""Return the columns a to b - 1 that have mean 0 and mean square 1 as one, though not each for itself.

    With m_i and q_i the mean and the mean square of row i over these columns,

    .. math:: |\bar m| \le 3 s_m / \sqrt n, \quad |\bar q - 1| \le 3 s_q / \sqrt n

    and both at most 0.1 however few rows; while column means lie half a standard deviation of all numbers or
    more away from 0, and spreads differ tenfold. Of several such stretches it is the one that fits best.

    Args:
        x: Examples, [n, columns].

    >>> g = np.random.default_rng(0)
    >>> table = g.normal([5.0, 0.3, 12.0, 2.0], [3.0, 0.2, 8.0, 1.0], (2000, 4))
    >>> together((table - table.mean()) / table.std())
    (0, 4)
    >>> together((table - table.mean(0)) / table.std(0))
    """
    n, k = x.shape
    spread = x.std(0)
    values = np.array([len(np.unique(column)) for column in x.T])
    measured = (values > 0.5 * n) & (spread > 0)
    found: dict[tuple[int, int], float] = {}
    for a in range(k):
        for b in range(a + LEAST_COLUMNS, k + 1):
            block, own, within = x[:, a:b], measured[a:b], spread[a:b]
            if own.sum() < 2 or not (within > 0).all():
                continue
            if within.max() < UNEQUAL * within[own].min() or np.abs(block.mean(0)).max() < APART:
                continue
            off = max(_off(block.mean(1), 0.0), _off(np.square(block).mean(1), 1.0))
            if off <= ERRORS:
                found[a, b] = off
    return min(found, key=lambda columns: found[columns]) if found else None


def _off(of_rows: np.ndarray, value: float) -> float:
    """How far the mean of numbers, one per example, is from a value, in standard errors; inf beyond 0.1."""
    off = abs(float(of_rows.mean()) - value)
    error = float(of_rows.std()) / math.sqrt(len(of_rows))
    return off / max(error, 1e-12) if off <= MOST_OFF else math.inf


def check_scaled_together(record: Record) -> list[Finding]:
    """Find columns of different units that were standardised as one: by one mean and one standard deviation.

    Statistic: :func:`together`, of the kept examples of up to 32 columns. Null: columns that were scaled each
    for itself have means near 0, columns that were not scaled have a common mean of 0 and a common mean
    square of 1 by chance alone, to 3 standard errors in a few of 1000 tables. Columns of one unit (windows of
    a signal, components of one decomposition) have about the same spread, or each a mean of 0, and are left
    out. False alarms: tables that are scaled as one on purpose, since their columns are to be compared.

    Args:
        record: What was seen.
    """
    rows = record.training_rows.inputs
    if not rows or not rows[0].is_floating_point():
        return []
    x, _ = stacked(record.training_rows)
    x = x[np.isfinite(x).all(1)]
    if len(x) < LEAST_ROWS or not LEAST_COLUMNS <= x.shape[1] <= MOST_COLUMNS:
        return []
    found = together(x)
    if found is None:
        return []
    a, b = found
    spread, middle = x[:, a:b].std(0), x[:, a:b].mean(0)
    whole = "all" if b - a == x.shape[1] else f"columns {a} to {b - 1} of"
    ratio = float(spread.max() / spread.min())
    return [
        Finding(
            "axis.scaling",
            "columns of different units were scaled by one mean and one standard deviation",
            f"{whole} {x.shape[1]} columns have mean {x[:, a:b].mean():.2g} and standard deviation "
            f"{x[:, a:b].std():.3g} as one, and each for itself means from {middle.min():.2g} to "
            f"{middle.max():.2g} and standard deviations from {spread.min():.2g} to {spread.max():.2g}",
            "high" if ratio > DROWNED else "medium",
            "mean and standard deviation were taken over rows and columns at once: what has a small unit is "
            "all but lost beside what has a large one",
            "take them along the rows: x.mean(axis=0), x.std(axis=0)",
            picture=of_numbers(
                "Standard deviation of each of these columns: 1 where each was scaled for itself",
                "standard deviation",
                {f"column {a + i}": float(s) for i, s in enumerate(spread)},
                (1.0, "scaled"),
                logarithmic=True,
            ),
        )
    ]
