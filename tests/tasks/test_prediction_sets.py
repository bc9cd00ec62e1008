"""Prediction sets cover at the rate that they claim, measured over many simulated data sets."""

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.prediction_sets import Sets, conformal_quantile, one_peak, thin


def test_the_quantile_is_an_order_statistic():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 100.0))
    assert conformal_quantile(scores, 0.9) == 90.0
    assert conformal_quantile(scores, 0.99) == 99.0
    assert conformal_quantile(scores, 0.995) == np.inf
    assert conformal_quantile(np.zeros(0), 0.5) == np.inf
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        conformal_quantile(scores, 1.0)


@pytest.mark.parametrize("honest", [True, False])
def test_sets_cover_whatever_the_probabilities_are_worth(honest):
    generator = np.random.default_rng(6)
    k, n, hits, sizes = 4, 99, [], []
    for _ in range(1500):
        p = generator.dirichlet(np.ones(k), n + 1)
        y = (p.cumsum(1) < generator.random((n + 1, 1))).sum(1)
        shown = p if honest else p**3 / (p**3).sum(1, keepdims=True)
        scores = 1 - shown[np.arange(n + 1), y]
        found = Sets(np.sort(scores[:n])).members(shown[n:], 0.9)
        hits.append(found[0, y[n]])
        sizes.append(found.sum())
    # the rate is (n + 1) 0.9 rounded up over n + 1 = 0.9, and more where the most probable class is added
    assert 0.9 - 4 * 0.0077 <= np.mean(hits) <= 0.94
    assert 1 < np.mean(sizes) < k


def test_a_set_is_never_empty():
    found = Sets(np.zeros(50)).members(np.array([[0.4, 0.6], [0.7, 0.3]]), 0.8)
    assert found.tolist() == [[False, True], [True, False]]


def test_thinning_keeps_the_extremes_and_the_quantiles():
    scores = np.random.default_rng(7).normal(size=50_000)
    kept = thin(scores)
    assert len(kept) == 4000
    assert (kept[0], kept[-1]) == (scores.min(), scores.max())
    for level in (0.05, 0.5, 0.9, 0.99):
        assert conformal_quantile(kept, level) == pytest.approx(conformal_quantile(scores, level), abs=0.03)
    assert np.array_equal(thin(scores[:100]), np.sort(scores[:100]))


def test_sets_of_levels_are_ranges_and_cover():
    """Probabilities with several peaks: an unordered set has gaps, an ordered one never, and both cover."""
    generator = np.random.default_rng(0)
    p = generator.dirichlet(np.full(6, 0.7), 40_000)
    y = (p.cumsum(1) < generator.random((40_000, 1))).sum(1)
    gaps = {}
    for ordered in (False, True):
        sets = Sets(np.sort(Sets.of(p[:20_000], y[:20_000], ordered)), ordered)
        inside = sets.members(p[20_000:], 0.8)
        assert inside[np.arange(20_000), y[20_000:]].mean() == pytest.approx(0.8, abs=0.015)
        gaps[ordered] = (np.diff(inside.astype(int), axis=1) == 1).sum(1) + inside[:, 0]
        back = Sets.from_state(sets.state())
        assert np.array_equal(back.members(p[20_000:], 0.8), inside)
    assert (gaps[True] == 1).all()
    assert (gaps[False] > 1).any()
    assert not Sets.from_state({"scores": [0.1]}).ordered  # as older artifacts have it


def test_probabilities_with_one_peak_stay_as_they_are():
    p = np.array([[0.1, 0.3, 0.4, 0.2], [0.7, 0.2, 0.1, 0.0], [0.25, 0.25, 0.25, 0.25]])
    np.testing.assert_array_equal(one_peak(p), p)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, float("nan")])
def test_a_level_outside_is_refused(level):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        Sets(np.zeros(5)).members(np.full((1, 2), 0.5), level)


def test_the_saved_form_holds_the_scores():
    assert Sets(np.arange(3.0)).state()["scores"].tolist() == [0, 1, 2]


def test_the_least_score_is_the_quantile_of_a_level_near_0():
    assert conformal_quantile(np.array([3.0, 1.0, 2.0]), 1e-12) == 1.0
