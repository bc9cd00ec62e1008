"""Permutation tests: against the fast path, at the level that they claim, and corrected for many."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from fivefold import probability
from fivefold.concepts.hypothesis_test import exact_p, holm, p_value, shuffled, welch_statistic

X = np.array([5.1, 6.3, 4.2, 7.7, 5.9])
Y = np.array([3.2, 4.4, 2.9, 5.0, 3.7, 4.1])


def test_fast_path() -> None:
    for y in (Y[:5], Y):
        assert exact_p(X, y) == pytest.approx(probability.permutation_test(X, y).p_value, abs=1e-12)
    assert welch_statistic(X, Y) == pytest.approx(probability.welch_test(X, Y).statistic, rel=1e-12)
    p = np.array([0.2, 0.001, 0.04, 0.011, 0.04])
    np.testing.assert_allclose(holm(p), probability.correct_p_values(p).adjusted, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_smaller_tail_counts_twice(seed: int) -> None:
    # Groups of 3 and 7 from a skewed distribution: the tails differ, and so do the two definitions.
    generator = np.random.default_rng(seed)
    x, y = 2.0 + generator.exponential(size=3) ** 2, 2.0 + generator.exponential(size=7) ** 2
    for a, b in ((x, y), (y, x)):
        fast = probability.permutation_test(a, b)
        assert exact_p(a, b) == pytest.approx(fast.p_value, abs=1e-12)
    pooled, n = np.concatenate([x, y]), len(x)
    sums = np.array([pooled[list(chosen)].sum() for chosen in combinations(range(len(pooled)), n)])
    middle = n * pooled.mean()
    both_tails = np.mean(np.abs(sums - middle) >= abs(x.sum() - middle) - 1e-9)
    assert abs(exact_p(x, y) - both_tails) > 0.02, "the case tells the definitions apart"


def test_shuffles_are_counted_as_the_fast_path_counts_them() -> None:
    by_chance = np.array([0.5, 1.5, 2.0, -3.0, 4.0, -0.1, 0.2, 1.0, -2.0])
    for seen in (2.0, -2.0, 0.2, 0.0):
        tails = 1 + np.sum(by_chance >= seen), 1 + np.sum(by_chance <= seen)
        assert p_value(seen, by_chance) == pytest.approx(min(1.0, 2 * min(tails) / 10), rel=1e-12)


def test_the_statistic_is_that_of_scipy() -> None:
    assert welch_statistic(X, Y) == pytest.approx(stats.ttest_ind(X, Y, equal_var=False).statistic, rel=1e-12)


def test_shuffling_comes_near_to_all_the_ways() -> None:
    generator = np.random.default_rng(0)
    by_chance = shuffled(X, Y, 20_000, generator)
    exact = exact_p(X, Y)
    # Four standard errors of a share.
    assert abs(p_value(X.mean() - Y.mean(), by_chance) - exact) < 4 * np.sqrt(exact / 20_000)
    assert abs(by_chance.mean()) < 4 * by_chance.std() / np.sqrt(20_000)


def test_it_keeps_its_level_on_skewed_noise() -> None:
    generator = np.random.default_rng(1)
    rejected = 0
    for _ in range(600):
        x, y = generator.exponential(2.0, size=8) + 5.0, generator.exponential(2.0, size=12) + 5.0
        rejected += p_value(x.mean() - y.mean(), shuffled(x, y, 199, generator)) <= 0.05
    # 600 draws at 0.05: mean 30, standard deviation 5.3.
    assert 30 - 4 * 5.3 < rejected < 30 + 4 * 5.3


def test_location_and_scale_change_nothing() -> None:
    assert exact_p(1e3 + 10 * X, 1e3 + 10 * Y) == exact_p(X, Y)
    assert welch_statistic(1e3 + 10 * X, 1e3 + 10 * Y) == pytest.approx(welch_statistic(X, Y), rel=1e-10)


def test_p_is_never_zero_and_at_most_one() -> None:
    assert p_value(9.0, np.zeros(99)) == 0.02
    assert p_value(0.0, np.array([1.0, -2.0])) == 1.0
    assert exact_p(Y, Y.copy()) == 1.0


def test_holm_keeps_the_family_s_level() -> None:
    p = np.random.default_rng(2).random((4000, 25))
    alarms = np.mean([holm(row).min() < 0.05 for row in p])
    # The standard error of the share is 0.0034.
    assert abs(alarms - 0.05) < 4 * 0.0034
    assert np.mean(p.min(axis=1) < 0.05) > 0.6
