"""Temperatures on known miscalibration; spreads and intervals from held-out predictions."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fivefold.tasks.tables.calibrate import intervals, sets, temperature
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

TWO = Target("k", "bernoulli", ("no", "yes"))
THREE = Target("k", "categorical", ("a", "b", "c"))


def _problem(x, y, family="gaussian"):
    schema = Schema((ColumnType("x", Kind.NUMBER, ""),))
    return Problem(Table({"x": x}), schema, Target("y", family), y)


@pytest.mark.parametrize("heat", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
def test_the_temperature_undoes_a_known_miscalibration(target, heat):
    generator = np.random.default_rng(0)
    eta = generator.normal(0, 1.5, (20_000, target.outputs))
    p = target.mean(eta)
    y = (p.cumsum(1) < generator.random((20_000, 1))).sum(1).astype(float)
    assert temperature(target, eta * heat, y) == pytest.approx(heat, rel=0.05)


def test_the_temperature_is_scipys_minimum():
    generator = np.random.default_rng(1)
    eta, y = generator.normal(size=(300, 1)) * 3, generator.integers(0, 2, 300).astype(float)
    y = np.where(generator.random(300) < 0.6, (eta[:, 0] > 0).astype(float), y)
    found = minimize_scalar(lambda t: TWO.loss(eta / t, y).mean(), bounds=(0.25, 16), method="bounded")
    assert temperature(TWO, eta, y) == pytest.approx(found.x, rel=1e-3)


def test_the_temperature_stays_in_its_range():
    eta = np.array([[3.0], [-3.0]] * 50)
    right, wrong = np.tile([1.0, 0.0], 50), np.tile([0.0, 1.0], 50)
    assert temperature(TWO, eta, right) == pytest.approx(0.25, rel=1e-3)
    assert temperature(TWO, eta, wrong) == pytest.approx(16.0, rel=1e-3)


def test_the_spread_follows_noise_that_grows():
    generator = np.random.default_rng(2)
    x = generator.uniform(0, 3, 3000)
    y = np.exp(x) * generator.normal(size=3000)
    found = intervals(_problem(x[:1500], y[:1500]), np.zeros(1500))
    new = Table({"x": x[1500:]})
    s = found.spread(new)
    slope = np.polyfit(x[1500:], np.log(s), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.15)
    low, high = found.bounds(new, np.zeros(1500), 0.9)
    inside = (low <= y[1500:]) & (y[1500:] <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    for part in np.array_split(np.argsort(x[1500:]), 3):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.06)


@pytest.mark.slow
def test_coverage_holds_on_average_over_data_sets_with_growing_noise():
    """200 rows, noise that grows and is skewed: the mean coverage over 60 data sets is 90% within a point."""
    generator = np.random.default_rng(3)

    def draw(n):
        x = generator.uniform(0, 3, n)
        return x, np.exp(0.7 * x) * (generator.exponential(size=n) - 1)

    rates = []
    for _ in range(60):
        x, y = draw(200)
        found = intervals(_problem(x, y), np.zeros(200))
        new, truth = draw(2000)
        low, high = found.bounds(Table({"x": new}), np.zeros(2000), 0.9)
        rates.append(((low <= truth) & (truth <= high)).mean())
    assert np.mean(rates) == pytest.approx(0.9, abs=0.012)


def test_few_rows_get_one_spread_and_its_quantiles():
    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(2, 99))
    eta = np.zeros(99)
    found = intervals(_problem(x, y), eta)
    assert found.spread.model is None
    assert np.array_equal(found.scores, np.sort(y))
    low, high = found.bounds(Table({"x": x[:1]}), np.array([1.0]), 0.9)
    ordered = np.sort(y)
    assert (low[0], high[0]) == (1 + ordered[4], 1 + ordered[94])


def test_rows_that_were_not_held_out_are_left_aside():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 400))
    eta = np.where(np.arange(400) < 150, 0.0, np.nan)
    found = intervals(_problem(x, y), eta)
    assert np.array_equal(found.scores, np.sort(y[:150]))


def test_a_perfect_model_has_intervals_of_no_width():
    x = np.linspace(0, 1, 300)
    found = intervals(_problem(x, x), x)
    low, high = found.bounds(Table({"x": x}), x, 0.9)
    assert np.array_equal(low, high)


def test_counts_are_scored_by_their_pearson_residuals():
    generator = np.random.default_rng(6)
    x = generator.uniform(0, 4, 500)
    y = generator.poisson(np.exp(x)).astype(float)
    eta = np.where(np.arange(500) == 3, np.nan, x)
    found = intervals(_problem(x, y, "poisson"), eta)
    assert found.counts
    expected = np.delete((y - np.exp(x)) / np.exp(x / 2), 3)
    np.testing.assert_allclose(found.scores, np.sort(expected))


def test_sets_are_scored_by_what_the_true_class_lacks():
    eta = np.random.default_rng(7).normal(size=(50, 3))
    y = np.arange(50.0) % 3
    p = THREE.mean(eta)
    expected = np.sort([1 - p[i, int(y[i])] for i in range(50)])
    np.testing.assert_allclose(sets(THREE, eta, y).scores, expected)


def _weighted(n=4000, seed=3):
    generator = np.random.default_rng(seed)
    weights = generator.integers(1, 5, n).astype(float)
    return generator, weights, np.repeat(np.arange(n), weights.astype(int))


def test_the_temperature_counts_rows_by_their_weights():
    generator, weights, copies = _weighted(400)
    eta, y = generator.normal(size=(400, 1)) * 3, generator.integers(0, 2, 400).astype(float)
    y = np.where(weights > 2, (eta[:, 0] > 0).astype(float), y)
    found = temperature(TWO, eta, y, weights)
    assert found == pytest.approx(temperature(TWO, eta[copies], y[copies]), rel=1e-9)
    assert abs(found / temperature(TWO, eta, y) - 1) > 0.05


def test_scores_count_rows_by_their_weights():
    """Heavy rows have twice the noise: their quantile is that of the rows given as often as they weigh."""
    generator, weights, copies = _weighted()
    y = generator.normal(size=4000) * np.where(weights > 2, 2.0, 1.0)
    problem = _problem(np.zeros(4000), y, "poisson")
    heavy = Problem(problem.table, problem.schema, problem.target, y, weights)
    new = Table({"x": np.zeros(1)})
    (_, high), (_, once) = (
        intervals(p, np.zeros(4000)).bounds(new, np.zeros(1), 0.9) for p in (heavy, problem)
    )
    np.testing.assert_allclose(high - 1, np.quantile(y[copies] - 1, 0.95), rtol=0.02)
    assert high[0] > 1.05 * once[0]
    eta = generator.normal(size=(4000, 1))
    codes = (generator.random(4000) < np.where(weights > 2, 0.9, 0.5)).astype(float)
    p = TWO.mean(eta)[copies, codes.astype(int)[copies]]
    found = sets(TWO, eta, codes, weights).scores
    assert np.quantile(found, 0.9) == pytest.approx(np.quantile(1 - p, 0.9), abs=0.01)


def test_the_spread_is_fitted_to_weighted_rows():
    generator, weights, _ = _weighted(1000)
    x = generator.uniform(0, 3, 1000)
    y = np.where(weights > 2, np.exp(x), np.exp(-x)) * generator.normal(size=1000)
    base = _problem(x, y)
    heavy = np.where(weights > 2, 1000.0, 1.0)
    found = intervals(Problem(base.table, base.schema, base.target, y, heavy), np.zeros(1000))
    slope = np.polyfit(x, np.log(found.spread(base.table)), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_equal_weights_give_the_bits_of_none(family):
    generator = np.random.default_rng(4)
    x, y, eta = generator.normal(size=300), generator.poisson(3, 300).astype(float), np.full(300, 1.1)
    problem = _problem(x, y, family)
    even = Problem(problem.table, problem.schema, problem.target, y, np.full(300, 1.0))
    first, second = (intervals(p, eta) for p in (problem, even))
    assert np.array_equal(first.scores, second.scores)
    codes, scores = (y > 2).astype(float), eta[:, None] * x[:, None]
    assert temperature(TWO, scores, codes) == temperature(TWO, scores, codes, np.full(300, 0.7))
    assert np.array_equal(sets(TWO, scores, codes).scores, sets(TWO, scores, codes, np.full(300, 0.7)).scores)


def test_the_spread_is_not_judged_on_groups_that_it_learned_from():
    """A spread that differs by group and by nothing else is known from the group, not from others."""
    generator = np.random.default_rng(0)
    codes = np.repeat(np.arange(20), 30)
    spread = np.exp(generator.normal(size=20))[codes]
    x = np.linspace(0, 1, 20)[codes]  # tells the groups apart
    problem = _problem(x, generator.normal(size=600) * spread)
    apart = intervals(problem, np.zeros(600), codes)
    mixed = intervals(problem, np.zeros(600))
    wide, narrow = (found.scores[-30] - found.scores[29] for found in (apart, mixed))
    assert wide > 1.05 * narrow


def test_intervals_of_positive_numbers_cover_in_their_own_unit_and_stay_positive():
    generator = np.random.default_rng(4)
    x = generator.uniform(0, 3, 4000)
    y = generator.gamma(0.8, np.exp(x + 6) / 0.8)
    problem = _problem(x[:2000], y[:2000], "gamma")
    found = intervals(problem, x[:2000] + 6)
    low, high = problem.target.own_bounds(*found.bounds(Table({"x": x[2000:]}), x[2000:] + 6, 0.9))
    assert ((low <= y[2000:]) & (y[2000:] <= high)).mean() == pytest.approx(0.9, abs=0.025)
    assert low.min() > 0


def test_sets_of_ordered_classes_are_ordered():
    target = Target("k", "ordinal", ("1", "2", "3"))
    eta = np.log(np.array([[0.5, 0.1, 0.4]] * 10))
    found = sets(target, eta, np.array([0.0, 2.0] * 5))
    assert found.ordered
    np.testing.assert_allclose(np.unique(found.scores), [0.5, 0.9])
    assert not sets(THREE, eta, np.array([0.0, 2.0] * 5)).ordered
