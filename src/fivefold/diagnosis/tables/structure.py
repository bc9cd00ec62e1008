r"""Rows that belong together: entities that recur, and a target that moves with time.

Rows of one entity, or neighbours in time, on both sides of a split make the test too kind. The evidence is
the target's variance between groups, :math:`F = \frac{S_b / (L - 1)}{S_w / (n - L)}`, against the F
distribution, at the level 0.001 over the number of columns tested; noise therefore raises an alarm in one
table of a thousand.
"""

import re

import numpy as np
from numpy.typing import NDArray

from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.tables.leaks import ranks
from fivefold.diagnosis.tables.view import Floats, View

LEVEL = 0.001
BLOCKS = 10
_TIMES = re.compile(r"(?i)(date|time|year|month|week|day|period|timestamp|t)")
_KEYS = re.compile(r"(?i)(^|[^a-z])(id|key|uuid|guid|code|number|no|nr)$|[a-z]I[dD]$")


def variance_between(codes: NDArray[np.int64], y: Floats) -> tuple[float, float]:
    """One-way analysis of variance.

    Args:
        codes: Groups 0 to L - 1, shape [n].
        y: Values [n].

    Returns:
        The p-value of equal group means, and the intraclass share of the variance in [0, 1]; (1, 0) where
        there are too few rows.

    >>> variance_between(np.array([0, 0, 1, 1]), np.array([0.0, 0.0, 1.0, 1.0]))
    (0.0, 1.0)
    """
    from scipy.special import fdtrc

    counts = np.bincount(codes).astype(np.float64)
    counts_used = counts[counts > 0]
    levels, n = len(counts_used), len(y)
    if levels < 2 or n - levels < 1:
        return 1.0, 0.0
    means = np.bincount(codes, weights=y) / np.maximum(counts, 1.0)
    within = float(((y - means[codes]) ** 2).sum()) / (n - levels)
    between = float((counts * (means - y.mean()) ** 2).sum()) / (levels - 1)
    if within <= 1e-300:
        return (0.0, 1.0) if between > 0 else (1.0, 0.0)
    size = (n - float((counts_used**2).sum()) / n) / (levels - 1)
    share = max(0.0, (between - within) / (between + (size - 1) * within))
    return float(fdtrc(levels - 1, n - levels, between / within)), min(1.0, share)


def _ranked(y: Floats) -> Floats:
    """Normal scores of the ranks, so that a skewed target does not mislead the F test."""
    from scipy.special import ndtri

    return np.asarray(ndtri((ranks(y) - 0.5) / len(y)), dtype=np.float64)


def _shown(p: float) -> str:
    return f"p = {p:.1g}" if p > 0 else "p < 1e-300"


def check_groups(data: View) -> list[Finding]:
    """Columns that name entities which recur and whose rows are alike.

    Args:
        data: The typed table.
    """
    candidates = {}
    for name, kind in data.kinds.items():
        if kind not in {"identifier", "category"}:
            continue
        codes = data.codes(name)
        counts = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0, dtype=np.int64)
        repeated = int(counts[counts > 1].sum())
        named = _KEYS.search(name) is not None
        if len(counts) >= (5 if named else 20) and repeated >= max(20, 0.01 * data.rows):
            candidates[name] = (codes, len(counts), repeated)
    y = _ranked(data.y) if candidates else data.y
    out = []
    for name, (codes, levels, repeated) in candidates.items():
        # Levels that occur once say nothing about how alike the rows of one entity are.
        often = np.flatnonzero(np.bincount(codes[codes >= 0]) > 1)
        used = np.isin(codes, often)
        p, share = variance_between(np.searchsorted(often, codes[used]), y[used])
        if p >= LEVEL / len(candidates) or share < 0.02:
            continue
        confidence: Confidence = "high" if share > 0.5 else "medium" if share > 0.1 else "low"
        out.append(
            Finding(
                "structure.group",
                f"rows share {name!r}, and rows with the same one are alike",
                f"{levels:,} values, {repeated:,} rows share theirs; {share:.0%} of the target's variance "
                f"among those rows lies between them ({_shown(p)})",
                confidence,
                f"{name!r} names an entity that recurs",
                f"if you predict for entities that are new: --group {name}",
                (name,),
            )
        )
    return out


def check_time(data: View) -> list[Finding]:
    """Date columns along which the target moves.

    Args:
        data: The typed table.
    """
    candidates: dict[str, Floats] = {}
    for name, kind in data.kinds.items():
        column = data.columns[name]
        if kind == "date" or (kind == "number" and _TIMES.fullmatch(name)):
            known = ~(np.isnat(column) if column.dtype.kind == "M" else np.isnan(column))
            if int(known.sum()) >= 10 * BLOCKS and len(np.unique(column[known])) >= BLOCKS:
                values = (
                    column.astype("datetime64[us]").astype(np.int64) if column.dtype.kind == "M" else column
                )
                candidates[name] = np.where(known, values.astype(np.float64), np.nan)
    y = _ranked(data.y) if candidates else data.y
    out = []
    for name, times in candidates.items():
        known = np.isfinite(times)
        edges = np.unique(np.quantile(times[known], np.linspace(0, 1, BLOCKS + 1)[1:-1]))
        blocks = np.searchsorted(edges, times[known], side="right")
        p, share = variance_between(blocks, y[known])
        if p >= LEVEL / len(candidates):
            continue
        confidence: Confidence = "high" if share > 0.1 else "medium" if share > 0.01 else "low"
        out.append(
            Finding(
                "structure.time",
                f"the target moves along {name!r}",
                f"over ten stretches of equal size, {share:.1%} of its variance lies between them "
                f"({_shown(p)})",
                confidence,
                "what is predicted changes with time",
                f"if you predict the future from the past: --time {name}",
                (name,),
            )
        )
    return out
