r"""Do new rows look like the training rows?

The training rows leave a summary behind (twenty bins of equal size for a number or date, the commonest levels
of a category, the gaps as a bin of their own). New rows are counted into it; a chi-squared test of
homogeneity, corrected for the number of columns by Holm's method at the level 0.01, says whether the counts
differ by more than chance, and the population stability index
:math:`\sum_b (q_b - p_b) \log (q_b / p_b)` how much: 0.1 is worth a look, 0.25 a large shift. NumPy alone, so
that prediction can use it.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fivefold.core import ArtifactError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.view import Column, Floats, gaps

VERSION = 1
BINS = 20
LEVELS = 50
LEVEL = 0.01
LEAST_INDEX = 0.1
LEAST_ROWS = 30


def chi_squared_tail(x: float, freedom: int) -> float:
    r"""Upper tail of :math:`\chi^2_k`, by Wilson and Hilferty's cube root (1931).

    It is within 0.01 of the true value for tails below 0.5.

    Args:
        x: The statistic, at least 0.
        freedom: Degrees of freedom k, at least 1.

    >>> abs(chi_squared_tail(18.307, 10) - 0.05) < 0.001
    True
    """
    spread = 2.0 / (9.0 * freedom)
    z = ((max(x, 0.0) / freedom) ** (1.0 / 3.0) - (1.0 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def summarise(columns: Mapping[str, Column]) -> dict[str, Any]:
    """What training rows leave behind for :func:`check_shift`.

    Args:
        columns: Typed columns [n]: float64, datetime64 or object of str or None.

    Returns:
        Plain JSON.

    >>> summarise({"c": np.array(["a", "b", "a"], dtype=object)})["columns"]["c"]["counts"]
    [2.0, 1.0, 0.0, 0.0]
    """
    out: dict[str, Any] = {}
    for name, column in columns.items():
        if column.dtype.kind == "O":
            counts: dict[str, int] = {}
            for value in column[~gaps(column)]:
                counts[value] = counts.get(value, 0) + 1
            entry: dict[str, Any] = {"levels": sorted(counts, key=lambda v: (-counts[v], v))[:LEVELS]}
        else:
            values = _as_numbers(column)
            known = values[np.isfinite(values)]
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known
            entry = {"edges": edges.tolist()}
        out[name] = {**entry, "counts": _count(column, entry).tolist()}
    return {"version": VERSION, "columns": out}


def _as_numbers(column: Column) -> Floats:
    if column.dtype.kind == "M":
        days = column.astype("datetime64[us]").astype(np.int64) / 86_400_000_000.0
        return np.where(np.isnat(column), np.nan, days)
    return column.astype(np.float64)


def _count(column: Column, entry: Mapping[str, Any]) -> Floats:
    """Rows in each bin; the last one is for gaps."""
    if "levels" in entry:
        place = {level: i for i, level in enumerate(entry["levels"])}
        other = len(place)
        spots = [other + 1 if value is None else place.get(str(value), other) for value in column]
        return np.bincount(np.array(spots, dtype=np.int64), minlength=other + 2).astype(np.float64)
    edges = np.asarray(entry["edges"], dtype=np.float64)
    values = _as_numbers(column)
    known = ~np.isnan(values)
    inside = np.bincount(np.searchsorted(edges, values[known], side="right"), minlength=len(edges) + 1)
    return np.append(inside, (~known).sum()).astype(np.float64)


def compare_counts(old: Floats, new: Floats) -> tuple[float, float]:
    """The p-value of homogeneity and the stability index of two rows of counts.

    Args:
        old: Training counts per bin, shape [b].
        new: New counts per bin, shape [b].

    Returns:
        p in [0, 1] and the index, at least 0. Bins expecting fewer than five new rows are joined.

    >>> compare_counts(np.array([50.0, 50.0]), np.array([50.0, 50.0]))[1]
    0.0
    """
    n, m = old.sum(), new.sum()
    expected = (old + new) * min(n, m) / (n + m)
    order = np.argsort(-expected, kind="stable")
    big = order[expected[order] >= 5.0]
    rest = order[expected[order] < 5.0]
    a = np.append(old[big], old[rest].sum())
    b = np.append(new[big], new[rest].sum())
    a, b = a[a + b > 0], b[a + b > 0]
    if len(a) < 2:
        return 1.0, 0.0
    total = a + b
    ea, eb = total * n / (n + m), total * m / (n + m)
    statistic = float(((a - ea) ** 2 / ea).sum() + ((b - eb) ** 2 / eb).sum())
    p, q = (a + 0.5) / (n + 0.5 * len(a)), (b + 0.5) / (m + 0.5 * len(b))
    return chi_squared_tail(statistic, len(a) - 1), float(((q - p) * np.log(q / p)).sum())


def check_shift(summary: Mapping[str, Any], columns: Mapping[str, Column]) -> list[Finding]:
    """Columns in which new rows differ from the training rows, largest shift first.

    Args:
        summary: From :func:`summarise`.
        columns: Typed columns of the new rows; fewer than 30 rows are not judged.

    Raises:
        ArtifactError: A summary of another version.
    """
    if summary.get("version") != VERSION:
        raise ArtifactError(f"a summary of version {VERSION}", str(summary.get("version")))
    tests = {}
    for name, entry in summary["columns"].items():
        if name in columns and len(columns[name]) >= LEAST_ROWS:
            old = np.asarray(entry["counts"], dtype=np.float64)
            tests[name] = compare_counts(old, _count(columns[name], entry))
    found = []
    order = sorted(tests, key=lambda name: tests[name][0])
    for rank, name in enumerate(order):
        p, index = tests[name]
        if p > LEVEL / (len(order) - rank):
            break
        if index >= LEAST_INDEX:
            found.append((index, name, p))
    return [
        Finding(
            "shift.column",
            f"{name!r} differs from training",
            f"population stability index {index:.2f} (0.1 is worth a look, 0.25 is large), p = {p:.1g}",
            "high" if index >= 0.25 else "medium",
            "the new rows come from another place, time or process, or the column is measured otherwise",
            "check the column; if the change is real, fit again with recent rows: intervals may not cover",
            (name,),
        )
        for index, name, p in sorted(found, reverse=True)
    ]
