"""Hypothesis tests with effect sizes, assumptions, and correction for many of them."""

from fivefold.probability.hypothesis.chi_squared import chi_squared_test, goodness_of_fit_test
from fivefold.probability.hypothesis.correlation import correlation_test
from fivefold.probability.hypothesis.kolmogorov_smirnov import kolmogorov_smirnov_test
from fivefold.probability.hypothesis.multiplicity import CorrectedTests, correct_p_values
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest
from fivefold.probability.hypothesis.permutation import permutation_test
from fivefold.probability.hypothesis.rank_tests import mann_whitney_test, wilcoxon_test
from fivefold.probability.hypothesis.t_tests import one_sample_t_test, paired_t_test, t_test, welch_test
from fivefold.probability.hypothesis.two_by_two import fisher_exact_test, mcnemar_test

__all__ = [
    "CorrectedTests",
    "Effect",
    "HypothesisTest",
    "chi_squared_test",
    "correct_p_values",
    "correlation_test",
    "fisher_exact_test",
    "goodness_of_fit_test",
    "kolmogorov_smirnov_test",
    "mann_whitney_test",
    "mcnemar_test",
    "one_sample_t_test",
    "paired_t_test",
    "permutation_test",
    "t_test",
    "welch_test",
    "wilcoxon_test",
]
