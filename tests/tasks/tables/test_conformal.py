"""Intervals and sets cover at the rate that they claim, measured over many simulated data sets."""

import json
from itertools import pairwise

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.tables.basis import Basis, LinearBlock
from fivefold.tasks.tables.conformal import Intervals, Sets, Spread, conformal_quantile, one_peak, thin
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.predictors import LinearPredictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.table import Table

CONSTANT = Spread(None, 0.0, 0.0)


def _table(n):
    return Table({"x": np.zeros(n)})


def _spread(x, slope, low=-9.0, high=9.0):
    """log s(x) = slope * x."""
    encoder = Encoder.fit(Table({"x": x}), Schema((ColumnType("x", Kind.NUMBER, ""),)))
    e = encoder.numbers[0]
    weights = np.array([[slope * e.centre], [slope * e.scale]])
    return Spread(LinearPredictor(encoder, Basis((LinearBlock(1),)), weights), low, high)


def test_the_quantile_is_an_order_statistic():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 100.0))
    assert conformal_quantile(scores, 0.9) == 90.0
    assert conformal_quantile(scores, 0.99) == 99.0
    assert conformal_quantile(scores, 0.995) == np.inf
    assert conformal_quantile(np.zeros(0), 0.5) == np.inf
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        conformal_quantile(scores, 1.0)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("noise", ["normal", "skewed"])
def test_intervals_cover_new_rows_at_their_rate(level, noise):
    """Exchangeable scores: between level and level + 2 / (n + 1) on average over data sets."""
    generator = np.random.default_rng(1)
    draw = (
        generator.standard_normal if noise == "normal" else lambda size: generator.exponential(size=size) ** 2
    )
    n, hits = 39, []
    for _ in range(4000):
        found = Intervals(CONSTANT, np.sort(draw(n)))
        new = draw(1)
        low, high = found.bounds(_table(1), np.zeros(1), level)
        hits.append(low[0] <= new[0] <= high[0])
    # both tails are ceilings: (n + 1) (1 - (1 - level) / 2) is rounded up on each side
    tail = np.ceil(40 * (1 - (1 - level) / 2) - 1e-9) / 40
    assert np.mean(hits) == pytest.approx(2 * tail - 1, abs=4 * np.sqrt(0.25 / 4000))
    assert 2 * tail - 1 >= level - 1e-9


def test_both_tails_miss_alike_where_the_noise_is_skewed():
    generator = np.random.default_rng(2)
    found = Intervals(CONSTANT, np.sort(generator.exponential(size=3999)))
    low, high = found.bounds(_table(1), np.zeros(1), 0.9)
    new = generator.exponential(size=200_000)
    assert (new < low[0]).mean() == pytest.approx(0.05, abs=0.012)
    assert (new > high[0]).mean() == pytest.approx(0.05, abs=0.012)
    assert high[0] > 10 * low[0]


def test_a_spread_makes_intervals_cover_in_every_part():
    generator = np.random.default_rng(3)
    x = generator.uniform(0, 3, 4000)
    spread = _spread(x, 1.0)
    np.testing.assert_allclose(spread(Table({"x": x})), np.exp(x), rtol=1e-5)
    y = np.exp(x) * generator.normal(size=4000)
    found = Intervals(spread, np.sort(y / np.exp(x)))
    low, high = found.bounds(Table({"x": x}), np.zeros(4000), 0.9)
    inside = (low <= y) & (y <= high)
    for part in np.array_split(np.argsort(x), 4):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.04)
    assert np.median(high[x > 2] - low[x > 2]) > 4 * np.median(high[x < 1] - low[x < 1])


def test_the_spread_is_held_between_its_bounds():
    x = np.linspace(0, 3, 50)
    spread = _spread(x, 1.0, low=0.5, high=2.0)
    values = spread(Table({"x": x}))
    assert values.min() == pytest.approx(np.exp(0.5))
    assert values.max() == pytest.approx(np.exp(2.0))
    assert CONSTANT(_table(3)).tolist() == [1, 1, 1]


def test_intervals_nest_and_become_infinite_where_rows_are_too_few():
    found = Intervals(CONSTANT, np.sort(np.random.default_rng(4).normal(size=19)))
    ends = [np.ravel(found.bounds(_table(1), np.array([5.0]), level)) for level in (0.5, 0.8, 0.9)]
    assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in pairwise(ends))
    low, high = found.bounds(_table(1), np.array([5.0]), 0.95)
    assert (low[0], high[0]) == (-np.inf, np.inf)


def test_intervals_of_counts_follow_the_root_of_the_mean():
    """Counts at means from 4 to 400: the same scores serve all of them."""
    generator = np.random.default_rng(5)
    eta = np.log(generator.uniform(4, 400, 20_000))
    y = generator.poisson(np.exp(eta))
    scores = (y - np.exp(eta)) / np.exp(eta / 2)
    found = Intervals(CONSTANT, np.sort(scores[:4000]), counts=True)
    low, high = found.bounds(_table(16_000), eta[4000:], 0.9)
    inside = (np.floor(low) <= y[4000:]) & (y[4000:] <= np.ceil(high))
    for part in np.array_split(np.argsort(eta[4000:]), 4):
        assert 0.88 <= inside[part].mean() <= 0.96


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, float("nan")])
def test_a_level_outside_is_refused(level):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        Intervals(CONSTANT, np.zeros(5)).bounds(_table(1), np.zeros(1), level)
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        Sets(np.zeros(5)).members(np.full((1, 2), 0.5), level)


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


def test_the_saved_form_gives_the_same_bounds():
    x = np.linspace(0, 3, 50)
    table = Table({"x": x})
    for spread in (CONSTANT, _spread(x, 0.7)):
        found = Intervals(spread, np.linspace(-1, 2, 99))
        config, tensors = flatten(found.state())
        back = Intervals.from_state(unflatten(json.loads(json.dumps(config)), tensors))
        expected = found.bounds(table, x, 0.8)
        assert all(map(np.array_equal, back.bounds(table, x, 0.8), expected))
    assert Sets(np.arange(3.0)).state()["scores"].tolist() == [0, 1, 2]


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
        back = Sets.from_state(unflatten(*flatten(sets.state())))
        assert np.array_equal(back.members(p[20_000:], 0.8), inside)
    assert (gaps[True] == 1).all()
    assert (gaps[False] > 1).any()
    assert not Sets.from_state({"scores": [0.1]}).ordered  # as older artifacts have it


def test_probabilities_with_one_peak_stay_as_they_are():
    p = np.array([[0.1, 0.3, 0.4, 0.2], [0.7, 0.2, 0.1, 0.0], [0.25, 0.25, 0.25, 0.25]])
    np.testing.assert_array_equal(one_peak(p), p)
