"""Exact tests of tables with two rows and two columns: Fisher's, and McNemar's for pairs."""

import math
from typing import Any

import numpy as np

from fivefold.core import Certificate, DataError, Kind
from fivefold.probability.hypothesis.assumptions import independent_rows
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative
from fivefold.probability.samples import Array, as_counts, as_level


def fisher_exact_test(table: Any, alternative: str = "two-sided", level: float = 0.95) -> HypothesisTest:
    r"""Test whether the odds in the two rows are equal, given all four margins.

    The upper left count is hypergeometric; the two-sided p value adds up all tables that are at most as
    probable as this one. The effect is the conditional maximum likelihood estimate of the odds ratio, with
    the exact interval: it holds for every sample size, and errs on the wide side.

    Source: Fisher 1935, "The logic of inductive inference", JRSS 98; Cornfield 1956 for the interval.

    Args:
        table: Counts ``[2, 2]``.
        alternative: ``"greater"``: an odds ratio above 1.
        level: Of the effect's interval.

    Raises:
        DataError: Impossible counts, another shape, or an empty row or column.
        ArgumentError: No such alternative or level.

    >>> result = fisher_exact_test([[3, 1], [1, 3]])  # the lady tasting tea
    >>> round(result.p_value, 4), round(result.effect.value, 2)
    (0.4857, 6.41)
    """
    from scipy.stats import fisher_exact
    from scipy.stats.contingency import odds_ratio

    counts = _two_by_two(table)
    if (counts.sum(0) == 0).any() or (counts.sum(1) == 0).any():
        raise DataError("counts in both rows and both columns", "an empty one", "the odds ratio is unknown")
    whole = counts.astype(np.int64)
    p = float(fisher_exact(whole, alternative=as_alternative(alternative)).pvalue)
    ratio = odds_ratio(whole)
    interval = ratio.confidence_interval(as_level(level))
    effect = Effect(
        "odds ratio", float(ratio.statistic), float(interval.low), float(interval.high), level, "exact", 1.0
    )
    return HypothesisTest(
        "Fisher's exact test",
        "the odds ratio is 1",
        as_alternative(alternative),
        float(counts[0, 0]),
        p,
        effect,
        (int(counts.sum()),),
        (_fixed_margins(), independent_rows()),
    )


def mcnemar_test(table: Any, level: float = 0.95) -> HypothesisTest:
    r"""Test whether two classifications of the same cases say yes equally often.

    Only the b cases with yes and then no, and the c with no and then yes, bear on it: b is
    Binomial(b + c, 1/2) under the hypothesis. The p value is exact, and the interval of the odds ratio b / c
    is that of Clopper and Pearson for b / (b + c), carried over.

    Source: McNemar 1947, Psychometrika 12; Clopper & Pearson 1934, Biometrika 26.

    Args:
        table: Counts ``[2, 2]`` of cases: rows by the first classification, columns by the second.
        level: Of the effect's interval.

    Raises:
        DataError: Impossible counts, or no case on which the two disagree.
        ArgumentError: An impossible level.

    >>> round(mcnemar_test([[794, 86], [150, 570]]).effect.value, 3)  # approval of a prime minister
    0.573
    """
    from scipy.stats import binomtest

    counts = _two_by_two(table)
    b, c = int(counts[0, 1]), int(counts[1, 0])
    if b + c == 0:
        raise DataError("cases on which the two disagree", "none", "there is nothing to test")
    found = binomtest(b, b + c, 0.5)
    interval = found.proportion_ci(as_level(level), method="exact")
    low, high = _odds(float(interval.low)), _odds(float(interval.high))
    effect = Effect("odds ratio", _odds(b / (b + c)), low, high, level, "Clopper-Pearson", 1.0)
    return HypothesisTest(
        "McNemar's test",
        "both classifications say yes equally often",
        "two-sided",
        float(b),
        float(found.pvalue),
        effect,
        (int(counts.sum()),),
        (independent_rows(),),
    )


def _two_by_two(table: Any) -> Array:
    counts = as_counts(table, "the table", dims=2)
    if counts.shape != (2, 2):
        raise DataError("a table of 2 rows and 2 columns", f"shape {counts.shape}")
    return counts


def _odds(p: float) -> float:
    return math.inf if p >= 1 else p / (1 - p)


def _fixed_margins() -> Certificate:
    return Certificate(
        "The margins carry no information about the odds ratio",
        Kind.PROOF,
        True,
        assumptions=("the test conditions on all margins; where they were not fixed it is conservative",),
        method="the p value is exact given the margins, hence at most its level without them",
    )
