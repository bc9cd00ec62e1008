"""Pearson's chi-squared tests: of independence in a table, and of fit to given probabilities."""

import math
from typing import Any

import numpy as np

from fivefold.core import DataError, require
from fivefold.probability.hypothesis.assumptions import independent_rows, large_enough
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest
from fivefold.probability.samples import as_counts, as_level, as_sample


def chi_squared_test(table: Any, level: float = 0.95) -> HypothesisTest:
    r"""Test whether the rows and columns of a table of counts are independent.

    .. math:: X^2 = \sum_{kl} \frac{(O_{kl} - E_{kl})^2}{E_{kl}}, \qquad
              V = \sqrt{\frac{X^2}{n \min(K - 1, L - 1)}}

    Without Yates' correction. The interval of Cramer's V takes :math:`X^2` for noncentral chi-squared; V
    itself is biased upwards in small samples.

    Source: Pearson 1900, Phil. Mag. 50; Cramer 1946, "Mathematical Methods of Statistics", section 21.9; the
    interval: Smithson 2003, "Confidence Intervals", chapter 4.

    Args:
        table: Counts ``[K, L]``, K and L at least 2.
        level: Of the effect's interval.

    Raises:
        DataError: Impossible counts, or a row or column without any.
        ArgumentError: An impossible level.

    >>> result = chi_squared_test([[30, 10], [10, 30]])
    >>> result.statistic, result.effect.value
    (20.0, 0.5)
    """
    from scipy.stats import chi2
    from scipy.stats.contingency import expected_freq

    counts = as_counts(table, "the table", dims=2)
    K, L = counts.shape
    if min(K, L) < 2:
        raise DataError("a table with at least 2 rows and 2 columns", f"shape {counts.shape}")
    if (counts.sum(0) == 0).any() or (counts.sum(1) == 0).any():
        raise DataError("counts in every row and column", "an empty one", "leave it out")
    n = float(counts.sum())
    expected = np.asarray(expected_freq(counts), dtype=np.float64)
    statistic = float((np.square(counts - expected) / expected).sum())
    degrees, least = (K - 1) * (L - 1), min(K, L) - 1
    low, high = noncentral_interval(statistic, degrees, as_level(level))
    low, high = (min(math.sqrt(each / (n * least)), 1.0) for each in (low, high))
    effect = Effect(
        "Cramer V", math.sqrt(statistic / (n * least)), low, high, level, "noncentral chi-squared"
    )
    return HypothesisTest(
        "chi-squared test of independence",
        "rows and columns are independent",
        "two-sided",
        statistic,
        float(chi2.sf(statistic, degrees)),
        effect,
        (int(n),),
        (large_enough(expected), independent_rows()),
        float(degrees),
    )


def goodness_of_fit_test(counts: Any, probabilities: Any = None, level: float = 0.95) -> HypothesisTest:
    r"""Test whether counts have given probabilities.

    .. math:: X^2 = \sum_k \frac{(O_k - n p_k)^2}{n p_k}, \qquad w = \sqrt{X^2 / n}

    Source: Pearson 1900, Phil. Mag. 50; Cohen 1988, "Statistical Power Analysis", chapter 7, for w.

    Args:
        counts: O, ``[K]``, K at least 2.
        probabilities: p, ``[K]``, positive, summing to 1; equal by default.
        level: Of the effect's interval.

    Raises:
        DataError: Impossible counts or probabilities.
        ArgumentError: Another number of probabilities, or an impossible level.

    >>> round(goodness_of_fit_test([315, 108, 101, 32], [9/16, 3/16, 3/16, 1/16]).statistic, 3)  # Mendel
    0.47
    """
    from scipy.stats import chi2

    seen = as_counts(counts, "counts")
    K = len(seen)
    if K < 2:
        raise DataError("at least 2 classes", f"{K}")
    p = np.full(K, 1 / K) if probabilities is None else as_sample(probabilities, "the probabilities")
    require(len(p) == K, f"{K} probabilities, one per class", len(p))
    if (p <= 0).any() or abs(p.sum() - 1) > 1e-6:
        raise DataError("positive probabilities that sum to 1", f"least {p.min():g}, sum {p.sum():g}")
    n = float(seen.sum())
    expected = n * p / p.sum()
    statistic = float((np.square(seen - expected) / expected).sum())
    low, high = (math.sqrt(each / n) for each in noncentral_interval(statistic, K - 1, as_level(level)))
    effect = Effect("Cohen w", math.sqrt(statistic / n), low, high, level, "noncentral chi-squared")
    return HypothesisTest(
        "chi-squared test of fit",
        "the classes have the given probabilities",
        "two-sided",
        statistic,
        float(chi2.sf(statistic, K - 1)),
        effect,
        (int(n),),
        (large_enough(expected), independent_rows()),
        float(K - 1),
    )


def noncentral_interval(statistic: float, degrees: int, level: float) -> tuple[float, float]:
    """Return the interval of the noncentrality of a chi-squared statistic; an end that does not exist is 0.

    >>> low, high = noncentral_interval(20.0, 1, 0.95)
    >>> round(low, 2), round(high, 2)
    (6.31, 41.37)
    """
    from scipy.optimize import brentq
    from scipy.stats import ncx2

    tail = (1 - level) / 2

    def end(probability: float) -> float:
        def above(shift: float) -> float:
            return float(ncx2.cdf(statistic, degrees, shift)) - probability

        # Shifting by the smallest positive number stands for the central distribution.
        if above(1e-12) <= 0:
            return 0.0
        high = statistic + 10.0
        while above(high) > 0:
            high *= 2
        return float(brentq(above, 1e-12, high, xtol=1e-9))

    return end(1 - tail), end(tail)
