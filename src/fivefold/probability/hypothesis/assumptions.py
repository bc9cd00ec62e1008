"""What a test takes for granted, each as a certificate that says how far the data bear it out."""

from typing import Any

import numpy as np

from fivefold.core import Certificate, Kind
from fivefold.probability.samples import Array

LEVEL = 0.01
"""Below this p value an assumption counts as contradicted."""


def independent_rows() -> Certificate:
    """Independence, which no test of the values themselves can show."""
    return Certificate(
        "The observations are independent of each other",
        Kind.INDICATOR,
        None,
        method="not checkable from the values; repeated measurements, groups and time series break it",
    )


def random_assignment() -> Certificate:
    """Exchangeability, on which permutation rests."""
    return Certificate(
        "Under the hypothesis any relabelling of the observations was as probable as this one",
        Kind.INDICATOR,
        None,
        method="given by random assignment; not checkable from the values",
    )


def normal(x: Array, name: str) -> Certificate:
    """Normality by Shapiro and Wilk, which large samples need less and contradict more easily."""
    claim = f"{name} do not contradict a normal distribution"
    method = f"Shapiro-Wilk p >= {LEVEL}"
    if len(x) < 3 or x.min() == x.max():
        return Certificate(claim, Kind.INDICATOR, None, method=f"{method}: too few different values")
    from scipy.stats import shapiro

    # Its p value is calibrated up to 5,000 rows; evenly spaced order statistics stand for more.
    rows = np.sort(x)[np.linspace(0, len(x) - 1, 5000).astype(int)] if len(x) > 5000 else x
    centred = (rows - rows.mean()) / rows.std()
    p = float(shapiro(centred).pvalue)
    far = len(x) >= 200
    note = "; at 200 rows and more the test hardly depends on it" if far else ""
    return Certificate(claim, Kind.INDICATOR, p >= LEVEL, bound=LEVEL, value=p, method=method + note)


def equal_spread(x: Array, y: Array) -> Certificate:
    """Equal variances by Brown and Forsythe."""
    from scipy.stats import levene

    centred = [np.abs(each - np.median(each)) for each in (x, y)]
    if all(each.max() == each.min() for each in centred):
        p = 1.0 if centred[0].max() == centred[1].max() else 0.0
    else:
        p = float(levene(x, y, center="median").pvalue)
    return Certificate(
        "The two samples do not contradict one variance",
        Kind.INDICATOR,
        p >= LEVEL,
        bound=LEVEL,
        value=p,
        method=f"Brown-Forsythe p >= {LEVEL}",
    )


def no_ties(values: Array, what: str) -> Certificate:
    """Absence of ties, with which exact null distributions are computed."""
    tied = len(values) - len(np.unique(values))
    return Certificate(
        f"{what} have no ties",
        Kind.PROOF,
        tied == 0,
        bound=0.0,
        value=float(tied),
        method="counted; with ties the p value is approximate, its variance corrected for them",
    )


def large_enough(expected: Any) -> Certificate:
    """Cochran's rule for the chi-squared approximation."""
    table = np.asarray(expected, dtype=np.float64)
    small = float((table < 5).mean())
    least = float(table.min())
    return Certificate(
        "The expected counts are large enough for the chi-squared approximation",
        Kind.INDICATOR,
        least >= 1 and small <= 0.2,
        bound=0.2,
        value=small,
        method=f"Cochran's rule: at most 20% below 5 and none below 1 (the least is {least:.3g})",
    )
