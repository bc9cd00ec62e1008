"""Tests on ranks: Mann-Whitney for two samples, Wilcoxon for pairs."""

import math
from typing import Any

import numpy as np

from fivefold.core import Certificate, DataError, Kind
from fivefold.probability.hypothesis.assumptions import independent_rows, no_ties
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative, two_sided_quantile
from fivefold.probability.samples import as_level, as_sample


def mann_whitney_test(x: Any, y: Any, alternative: str = "two-sided", level: float = 0.95) -> HypothesisTest:
    r"""Test whether two variables have one distribution, against one of them tending to be larger.

    .. math:: U = \#\{x_i > y_j\} + \tfrac12 \#\{x_i = y_j\}, \qquad r = \frac{2 U}{n m} - 1

    The effect, the rank-biserial correlation, is P(x > y) - P(x < y), with Newcombe's interval, which
    stays inside [-1, 1] and does not collapse where the samples are apart. The p value is exact for at most 8
    values in the smaller sample without ties, otherwise normal with the correction for ties.

    Source: Mann & Whitney 1947, Annals Math. Statist. 18; Newcombe 2006, "Confidence intervals for an effect
    size measure based on the Mann-Whitney statistic", Statistics in Medicine 25, part 2, method 5.

    Args:
        x: ``[n]``.
        y: ``[m]``.
        alternative: ``"greater"``: x tends to be larger.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, or one value throughout both.
        ArgumentError: No such alternative or level.

    >>> mann_whitney_test([1, 4, 5, 7], [2, 3]).effect.value
    0.5
    """
    from scipy.stats import mannwhitneyu

    a, b = as_sample(x, "x", least=1), as_sample(y, "y", least=1)
    both = as_sample(np.concatenate([a, b]), "x and y together", varied=True)
    found = mannwhitneyu(a, b, alternative=as_alternative(alternative), method="auto")
    n, m = len(a), len(b)
    low, high = (2 * end - 1 for end in _newcombe(float(found.statistic) / (n * m), n, m, as_level(level)))
    r = 2 * float(found.statistic) / (n * m) - 1
    return HypothesisTest(
        "Mann-Whitney test",
        "the two distributions are equal",
        as_alternative(alternative),
        float(found.statistic),
        float(found.pvalue),
        Effect("rank-biserial correlation", r, low, high, level, "Newcombe 2006, method 5"),
        (n, m),
        (no_ties(both, "The values"), independent_rows()),
    )


def wilcoxon_test(
    x: Any, y: Any = None, alternative: str = "two-sided", level: float = 0.95
) -> HypothesisTest:
    r"""Test whether differences are symmetric around 0, by the ranks of their sizes.

    .. math:: r = \frac{W^+ - W^-}{W^+ + W^-}

    with :math:`W^+` the sum of the ranks of :math:`|x_i - y_i|` over the positive differences; those of 0 are
    left out. The interval of r solves :math:`(r - \rho)^2 = z^2 (1 - \rho^2) s^2` with s the standard
    deviation of r under the hypothesis: that is its variance where signs are independent of sizes.

    Source: Wilcoxon 1945, Biometrics Bulletin 1; Kerby 2014, "The simple difference formula", Comprehensive
    Psychology 3.

    Args:
        x: Differences ``[n]``, or the first of each pair.
        y: The second of each pair, or ``None``.
        alternative: ``"greater"``: the differences tend to be positive.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, different lengths, or no difference that is not 0.
        ArgumentError: No such alternative or level.

    >>> wilcoxon_test([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]).statistic
    96.0
    """
    from scipy import stats

    wilcoxon: Any = stats.wilcoxon

    difference = as_sample(x, "x", least=1)
    if y is not None:
        other = as_sample(y, "y", least=1)
        if len(other) != len(difference):
            raise DataError("pairs: x and y of one length", f"{len(difference)} and {len(other)}")
        difference = difference - other
    moved = difference[difference != 0]
    n = len(moved)
    if n == 0:
        raise DataError("at least one difference that is not 0", "none", "the two columns are the same")
    ranks = stats.rankdata(np.abs(moved))
    total = n * (n + 1) / 2
    plus = float(ranks[moved > 0].sum())
    exact = n <= 50 and len(np.unique(np.abs(moved))) == n
    found = wilcoxon(
        moved, alternative=as_alternative(alternative), method="exact" if exact else "asymptotic"
    )
    r = 2 * plus / total - 1
    s = two_sided_quantile(as_level(level)) * math.sqrt(float(np.square(ranks).sum())) / total
    half = s * math.sqrt(s * s + 1 - r * r)
    low, high = (r - half) / (1 + s * s), (r + half) / (1 + s * s)
    zeros = len(difference) - n
    dropped = Certificate(
        "No difference is 0",
        Kind.PROOF,
        zeros == 0,
        bound=0.0,
        value=float(zeros),
        method="counted; differences of 0 are left out",
    )
    return HypothesisTest(
        "Wilcoxon signed-rank test",
        "the differences are symmetric around 0",
        as_alternative(alternative),
        plus,
        float(found.pvalue),
        Effect("matched-pairs rank-biserial correlation", r, low, high, level, "score interval"),
        (len(difference),),
        (no_ties(np.abs(moved), "The sizes of the differences"), dropped, independent_rows()),
    )


def _newcombe(theta: float, n: int, m: int, level: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    z = two_sided_quantile(level)
    half = (n + m) / 2 - 1

    def gap(t: float) -> float:
        variance = t * (1 - t) / (n * m) * (1 + half * ((1 - t) / (2 - t) + t / (1 + t)))
        return (theta - t) ** 2 - z * z * variance

    # Below theta the gap falls from a square at 0 to -variance at theta, above it rises again to 1.
    low = 0.0 if theta == 0 else float(brentq(gap, 0.0, theta - 1e-12 * theta if theta == 1 else theta))
    high = 1.0 if theta == 1 else float(brentq(gap, theta + 1e-12 if theta == 0 else theta, 1.0))
    return low, high
