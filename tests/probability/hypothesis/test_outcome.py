"""What every test must keep: SciPy's numbers, the level, and effect intervals that cover."""

import math

import numpy as np
import pytest
import scipy.stats

from fivefold.probability import (
    HypothesisTest,
    chi_squared_test,
    correlation_test,
    fisher_exact_test,
    kolmogorov_smirnov_test,
    mann_whitney_test,
    one_sample_t_test,
    paired_t_test,
    permutation_test,
    t_test,
    welch_test,
    wilcoxon_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)

WAYS = ["two-sided", "less", "greater"]

PEERS = {
    "one-sample": (
        lambda w: one_sample_t_test(A, 0.2, w),
        lambda w: scipy.stats.ttest_1samp(A, 0.2, alternative=w),
    ),
    "t": (lambda w: t_test(A, B, w), lambda w: scipy.stats.ttest_ind(A, B, alternative=w)),
    "welch": (
        lambda w: welch_test(A, B, w),
        lambda w: scipy.stats.ttest_ind(A, B, equal_var=False, alternative=w),
    ),
    "paired": (
        lambda w: paired_t_test(A, B[:23], w),
        lambda w: scipy.stats.ttest_rel(A, B[:23], alternative=w),
    ),
    "mann-whitney": (
        lambda w: mann_whitney_test(A, B, w),
        lambda w: scipy.stats.mannwhitneyu(A, B, alternative=w),
    ),
    "pearson": (
        lambda w: correlation_test(A, B[:23], alternative=w),
        lambda w: scipy.stats.pearsonr(A, B[:23], alternative=w),
    ),
    "spearman": (
        lambda w: correlation_test(A, B[:23], "spearman", w),
        lambda w: scipy.stats.spearmanr(A, B[:23], alternative=w),
    ),
    "kendall": (
        lambda w: correlation_test(A, B[:23], "kendall", w),
        lambda w: scipy.stats.kendalltau(A, B[:23], alternative=w),
    ),
    "two-sample ks": (
        lambda w: kolmogorov_smirnov_test(A, B, w),
        lambda w: scipy.stats.ks_2samp(A, B, alternative=w),
    ),
    "ks": (
        lambda w: kolmogorov_smirnov_test(A, scipy.stats.norm.cdf, w),
        lambda w: scipy.stats.kstest(A, "norm", alternative=w),
    ),
}


def rate(make, truth, count=300):
    inside, rejected = 0, 0
    for seed in range(count):
        result = make(np.random.default_rng(seed))
        inside += result.effect.low <= truth <= result.effect.high
        rejected += result.p_value <= 0.05
    return inside / count, rejected / count


AUC = 2 * float(scipy.stats.norm.cdf(0.8 / math.sqrt(2))) - 1

RATES = {
    "t": (lambda g: t_test(g.normal(0.8, 1, 15), g.normal(0, 1, 20)), 0.8),
    "welch": (lambda g: welch_test(g.normal(0.8, 1, 25), g.normal(0, 2, 25)), 0.8 / math.sqrt(2.5)),
    "paired": (lambda g: paired_t_test(g.normal(0.5, 1, 15), np.zeros(15)), 0.5),
    "mann-whitney": (lambda g: mann_whitney_test(g.normal(0.8, 1, 20), g.normal(0, 1, 20)), AUC),
    "pearson": (
        lambda g: correlation_test(*g.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 30).T),
        0.6,
    ),
    "cramer": (
        lambda g: chi_squared_test(g.multinomial(200, [0.35, 0.15, 0.15, 0.35]).reshape(2, 2)),
        0.4,
    ),
    "wilcoxon": (lambda g: wilcoxon_test(g.choice([-1, 1], 30, p=[0.3, 0.7]) * (1 + g.random(30))), 0.4),
    "fisher": (
        lambda g: fisher_exact_test([[a := g.binomial(40, 0.5), 40 - a], [b := g.binomial(40, 0.2), 40 - b]]),
        4.0,
    ),
}

NULLS = {
    "t": lambda g: t_test(g.normal(size=8), g.normal(size=12)),
    "welch": lambda g: welch_test(g.normal(size=8), g.normal(0, 3, size=20)),
    "mann-whitney": lambda g: mann_whitney_test(g.exponential(size=12), g.exponential(size=12)),
    "wilcoxon": lambda g: wilcoxon_test(g.normal(size=15)),
    "ks": lambda g: kolmogorov_smirnov_test(g.random(20), lambda t: t),
    "spearman": lambda g: correlation_test(g.normal(size=20), g.normal(size=20), "spearman"),
    "permutation": lambda g: permutation_test(g.exponential(size=5), g.exponential(size=5), resamples=252),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PEERS)
def test_statistic_and_p_value_are_scipys(name, way):
    ours, theirs = PEERS[name][0](way), PEERS[name][1](way)
    assert isinstance(ours, HypothesisTest)
    assert ours.statistic == pytest.approx(float(theirs.statistic), rel=1e-10)
    assert ours.p_value == pytest.approx(float(theirs.pvalue), rel=1e-9)
    assert ours.alternative == way
    assert ours.effect.low < ours.effect.value < ours.effect.high
    assert ours.certificates
    assert ours.name in str(ours)


@pytest.mark.parametrize("name", RATES)
def test_effect_intervals_cover(name):
    """95%, less 4 standard errors of 300 samples: 0.90."""
    assert rate(*RATES[name])[0] >= 0.90


@pytest.mark.parametrize("name", NULLS)
def test_level_is_kept(name):
    """Rejections at 5% under the hypothesis: at most 4 standard errors of 150 samples above."""
    assert rate(NULLS[name], 0.0, 150)[1] <= 0.05 + 4 * math.sqrt(0.0475 / 150)
