r"""Columns that give the target away: copies, monotone copies, codes of it, and gaps that depend on it.

A copy is found by Spearman's rank correlation :math:`|\rho| > 0.999`; a code by the share of the target that
a column's levels leave open, :math:`1 - R^2` adjusted for their number (the correlation ratio), or the
impurity of the classes. Each alarm must also be impossible by chance: under independence the probability of
the pattern is bounded and compared with :math:`10^{-6}` over the number of columns, so that noise raises
none.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.view import Floats, View, gaps

RHO = 0.999
LEAST_ROWS = 20
CHANCE = 1e-6


def spearman(x: Floats, y: Floats) -> float:
    r"""Spearman's :math:`\rho`: the correlation of the ranks, ties sharing their mean rank.

    Args:
        x: Values [n], finite.
        y: Values [n], finite.

    Returns:
        :math:`\rho` in [-1, 1]; 0 where either is constant.

    >>> round(spearman(np.array([1.0, 2.0, 4.0]), np.array([1.0, 10.0, 100.0])), 12)
    1.0
    """
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0 else 0.0


def ranks(x: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean.

    Args:
        x: Values [n], finite.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse.reshape(-1)]


def explained(codes: NDArray[np.int64], y: Floats) -> float:
    r"""The correlation ratio :math:`\eta^2 = 1 - \frac{S_w / (n - L)}{S / (n - 1)}`, adjusted for L levels.

    Args:
        codes: Levels 0 to L - 1, shape [n].
        y: Target [n].

    Returns:
        At most 1; about 0 where the levels say nothing; 0 where there are no rows to spare.

    >>> explained(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 3.0, 3.0]))
    1.0
    """
    counts = np.bincount(codes)
    levels, n = int((counts > 0).sum()), len(y)
    total = float(((y - y.mean()) ** 2).sum())
    if n - levels < 1 or total == 0:
        return 0.0
    means = np.bincount(codes, weights=y) / np.maximum(counts, 1)
    within = float(((y - means[codes]) ** 2).sum())
    return 1.0 - (within / (n - levels)) / (total / (n - 1))


def check_leaks(data: View) -> list[Finding]:
    """Alarms by name for columns that give the target away.

    Args:
        data: The typed table.

    Returns:
        At most one finding per column.
    """
    out = []
    for name, column in data.columns.items():
        found = _copy(data, name) or _code(data, name) or _threshold(data, name) or _gap(data, name)
        if found is not None and len(column):
            out.append(found)
    return out


def _finding(data: View, name: str, code: str, title: str, evidence: str, *, sure: bool = True) -> Finding:
    return Finding(
        code,
        title,
        evidence,
        "high" if sure else "medium",
        f"{name!r} is probably made from {data.target!r}, or known only after it",
        f"unless {name!r} is known before {data.target!r} where you predict: --drop {name}",
        (name,),
    )


def _copy(data: View, name: str) -> Finding | None:
    column = data.columns[name]
    if column.dtype.kind not in "fM" or data.classes is not None:
        return None
    known = ~gaps(column) & (np.isfinite(column) if column.dtype.kind == "f" else True)
    x, y = column[known].astype(np.float64), data.y[known]
    if len(x) < LEAST_ROWS or len(np.unique(y)) < 5 or len(np.unique(x)) < 5:
        return None
    if np.array_equal(x, y):
        return _finding(
            data, name, "leak.copy", f"{name!r} is a copy of the target", "equal in every known row"
        )
    rho = spearman(x, y)
    if abs(rho) <= RHO:
        return None
    slope = np.polyfit(x - x.mean(), y - y.mean(), 1)[0] if np.ptp(x) > 0 else 0.0
    residual = (y - y.mean()) - slope * (x - x.mean())
    linear = 1.0 - float(residual @ residual) / float(((y - y.mean()) ** 2).sum())
    shape = "a rescaled copy" if linear > 1 - 1e-9 else "a monotone copy"
    evidence = f"rank correlation {rho:.5f} over {len(x):,} rows; a straight line explains {linear:.4%}"
    return _finding(data, name, "leak.copy", f"{name!r} is {shape} of the target", evidence)


def _code(data: View, name: str) -> Finding | None:
    """A column whose levels determine the target, with rows to spare in each level."""
    if data.kinds[name] in {"text", "date"}:
        return None
    codes = data.codes(name)
    known = codes >= 0
    codes, y = codes[known], data.y[known]
    levels = int(codes.max()) + 1 if len(codes) else 0
    spare = len(y) - levels
    if levels < 2 or spare < max(LEAST_ROWS, levels):
        return None
    if data.classes is None:
        share = explained(codes, y)
        if share < RHO:
            return None
        evidence = f"its {levels:,} levels explain {share:.4%} of the variance over {len(y):,} rows"
        return _finding(data, name, "leak.code", f"{name!r} determines the target", evidence)
    table = np.zeros((levels, len(data.classes)))
    np.add.at(table, (codes, y.astype(np.int64)), 1.0)
    pure = float(table.max(axis=1).sum()) / len(y)
    common = float(table.sum(axis=0).max()) / len(y)
    if pure < RHO or common >= 1 or spare * math.log(common) > math.log(CHANCE / len(data.columns)):
        return None
    evidence = f"its {levels:,} levels tell the class in {pure:.3%} of {len(y):,} rows"
    return _finding(data, name, "leak.code", f"{name!r} determines the target", evidence)


def _threshold(data: View, name: str) -> Finding | None:
    """A number that separates two classes without error."""
    column = data.columns[name]
    if data.classes is None or len(data.classes) != 2 or column.dtype.kind not in "fM":
        return None
    known = ~gaps(column)
    x, y = column[known].astype(np.float64), data.y[known]
    ones = int(y.sum())
    few = min(ones, len(y) - ones)
    # Under independence the smaller class is at one end with probability 2 / C(n, few).
    if few < 2 or math.log(2) - _log_choose(len(y), few) > math.log(CHANCE / len(data.columns)):
        return None
    low, high = x[y == 0], x[y == 1]
    if not (low.max() < high.min() or high.max() < low.min()):
        return None
    cut = (min(low.max(), high.max()) + max(low.min(), high.min())) / 2
    evidence = f"the classes lie on either side of {cut:.6g} in all {len(y):,} rows"
    return _finding(
        data, name, "leak.threshold", f"{name!r} separates the classes alone", evidence, sure=False
    )


def _gap(data: View, name: str) -> Finding | None:
    """Gaps that occur with one value of the target only."""
    empty = gaps(data.columns[name])
    count = int(empty.sum())
    if count == 0 or count == len(empty):
        return None
    values = np.unique(data.y[empty])
    if len(values) != 1:
        return None
    same = data.y == values[0]
    share = float(same.mean())
    if share >= 1 or count * math.log(share) > math.log(CHANCE / len(data.columns)):
        return None
    shown = data.classes[int(values[0])] if data.classes is not None else f"{values[0]:.6g}"
    both = bool((same == empty).all())
    evidence = (
        f"{data.target} is {shown!r} in all {count:,} rows without {name!r}, and in {share:.1%} of all rows"
    )
    what = "determines" if both else "gives away"
    title = f"whether {name!r} is missing {what} the target"
    return _finding(data, name, "leak.gap", title, evidence, sure=both)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
