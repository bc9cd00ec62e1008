"""Intervals cover at the rate that they claim, measured over many simulated data sets."""

import json
from itertools import pairwise

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.tables.basis import Basis, LinearBlock
from fivefold.tasks.tables.conformal import Intervals, Spread
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


def test_the_saved_form_gives_the_same_bounds():
    x = np.linspace(0, 3, 50)
    table = Table({"x": x})
    for spread in (CONSTANT, _spread(x, 0.7)):
        found = Intervals(spread, np.linspace(-1, 2, 99))
        config, tensors = flatten(found.state())
        back = Intervals.from_state(unflatten(json.loads(json.dumps(config)), tensors))
        expected = found.bounds(table, x, 0.8)
        assert all(map(np.array_equal, back.bounds(table, x, 0.8), expected))
