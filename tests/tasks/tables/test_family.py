"""The family of a target, chosen by the density of held-out rows."""

import numpy as np
import pytest
from scipy import stats

from fivefold.core import DataError
from fivefold.tasks.tables import family as room
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.network import NetworkCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.family import choose_family, classes_of, levels_of_target, refuse_rare
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table

SCHEMA = Schema((ColumnType("x", Kind.NUMBER, ""),))


def _choose(y, x=None, offset=None, kind=Kind.NUMBER):
    x = np.random.default_rng(9).normal(size=len(y)) if x is None else x
    return choose_family(Table({"x": x}), SCHEMA, "y", kind, y, offset, None, 0)


def _x(n=400):
    return np.random.default_rng(0).normal(size=n)


def test_additive_noise_is_gaussian_and_multiplicative_noise_is_not():
    x, noise = _x(), np.random.default_rng(1).normal(size=400)
    assert _choose(20 + 3 * x + noise, x).family == "gaussian"
    found = _choose(np.exp(2 + x + 0.5 * noise), x)
    assert found.family == "log-gaussian"
    assert "mean log density of rows held out: log-gaussian" in found.reason


def test_counts_are_poisson_and_large_whole_numbers_are_not():
    x = _x()
    generator = np.random.default_rng(2)
    assert _choose(generator.poisson(np.exp(0.5 + 0.8 * x)).astype(float), x).family == "poisson"
    assert _choose(np.round(5000 + 300 * x + 100 * generator.normal(size=400)), x).family == "gaussian"


def test_counts_with_far_more_variance_than_poisson_are_modelled_otherwise():
    x = _x()
    y = np.random.default_rng(3).negative_binomial(0.5, 0.02, 400).astype(float)
    assert _choose(y, x).family == "gaussian"


def test_an_exposure_calls_for_counts():
    y = np.random.default_rng(4).poisson(3, 100).astype(float)
    assert _choose(y, offset=np.zeros(100)).family == "poisson"
    with pytest.raises(DataError, match="counts in 'y' beside an exposure"):
        _choose(y + 0.5, offset=np.zeros(100))


def test_the_densities_are_scipys():
    """Judged on the held-out quarter in the target's own unit, by an independent fit of the same line."""
    x = _x(2000)
    y = np.exp(1 + 0.5 * x + 0.3 * np.random.default_rng(5).normal(size=2000))
    found = room._densities(Table({"x": x}), SCHEMA, "y", y, None, ["gaussian", "log-gaussian"], 0)
    for name, values in (("gaussian", y), ("log-gaussian", np.log(y))):
        slope, intercept = np.polyfit(x, values, 1)
        sd = np.std(values - intercept - slope * x)
        density = stats.norm.logpdf(values, intercept + slope * x, sd)
        density = density - (np.log(y) if name == "log-gaussian" else 0)
        # all rows here, a quarter there: standard error of the mean over 500 rows
        assert found[name].mean() == pytest.approx(density.mean(), abs=4 * density.std() / np.sqrt(500))


def test_the_density_of_counts_is_scipys():
    x = _x(2000)
    y = np.random.default_rng(6).poisson(np.exp(1 + 0.5 * x)).astype(float)
    found = room._densities(Table({"x": x}), SCHEMA, "y", y, None, ["poisson"], 0)["poisson"].mean()
    density = stats.poisson.logpmf(y, np.exp(1 + 0.5 * x))
    assert found == pytest.approx(density.mean(), abs=4 * density.std() / np.sqrt(500))


def test_a_number_that_is_negative_or_nearly_constant_is_gaussian_with_its_reason():
    assert _choose(_x()).reason == "a number that can be negative or zero"
    assert _choose(100 + _x()).reason == "a number of one order of magnitude"


def test_classes_are_in_order_and_named():
    two = classes_of("k", np.array(["b", "a", "b", "a"], dtype=object))
    assert (two.family, two.classes) == ("bernoulli", ("a", "b"))
    three = _choose(np.array(["z", "x", "y"] * 3, dtype=object), kind=Kind.CATEGORY)
    assert (three.family, three.classes) == ("categorical", ("x", "y", "z"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a"] * 5, "got the one value 'a'"),
        ([f"v{i}" for i in range(101) for _ in range(2)], "at most 100 classes"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        classes_of("k", np.array(values, dtype=object))


def test_a_class_of_one_row_is_a_class():
    assert classes_of("y", ["a", "a", "once"]).classes == ("a", "once")


def test_classes_without_two_rows_left_to_train_are_refused_by_name():
    values = ["a", "a", "a", "b", "b", "c", "c", *(f"d{i}" for i in range(6))]
    refuse_rare("y", values[:7], np.arange(7))
    with pytest.raises(
        DataError, match=r"at least 2 training rows of every class of 'y'; got fewer of 'b', 'c'"
    ):
        refuse_rare("y", values[:7], np.array([0, 1, 3]))  # one row of b, none of c
    with pytest.raises(DataError, match="'d4' and 1 more"):
        refuse_rare("y", values, np.arange(13))


@pytest.mark.parametrize("unit", [1e300, 1.7e308, 1e31, 1e-33, 1e-300])
def test_targets_beyond_what_can_be_squared_are_refused(unit):
    with pytest.raises(DataError, match=r"smaller than 1e\+30 and 1e-30 or more apart.*another unit"):
        _choose(unit * np.linspace(-1, 1, 50))


@pytest.mark.parametrize("unit", [2.0**96, 2.0**-95])
def test_targets_of_any_other_unit_are_modelled_alike(unit):
    """What is predicted in another unit is the same number of it; powers of two scale without rounding."""
    x = _x(600)
    y = 2 * x + np.random.default_rng(1).normal(size=600)
    found = []
    for scale in (1.0, unit):
        target = _choose(scale * y, x)
        assert target.family == "gaussian"
        problem = Problem(Table({"x": x}), SCHEMA, target, target.encode(scale * y), seed=3)
        small = NetworkCandidate(members=1, widths=(4,), epochs=1)
        methods = [
            Constant(),
            LinearCandidate("plain"),
            LinearCandidate("kernel", 20, 100),
            TreesCandidate(),
            small,
        ]
        found.append([target.mean(m.fit(problem).predictor.eta(problem.table)) / scale for m in methods])
    for ours, scaled in zip(*found, strict=True):
        np.testing.assert_allclose(scaled, ours, rtol=1e-6, atol=1e-6)  # trees add up in single precision


def test_other_targets_are_refused():
    with pytest.raises(DataError, match="a target 'y' that varies"):
        _choose(np.ones(20))
    with pytest.raises(DataError, match="a column of kind date"):
        _choose(np.arange(20), kind=Kind.DATE)


def test_gamma_data_are_gamma_and_log_normal_data_log_gaussian():
    """Large samples with the same mean and the same spread, in a unit far from 1."""
    x = np.random.default_rng(0).normal(size=4000)
    mean, generator = np.exp(9.0 + 0.6 * x), np.random.default_rng(1)
    gamma = _choose(generator.gamma(2.0, mean / 2.0), x)
    assert gamma.family == "gamma"
    assert gamma.reason.startswith("mean log density of rows held out: gamma -")
    s = np.sqrt(np.log(1.5))  # the coefficient of variation of shape 2
    assert _choose(mean * np.exp(s * generator.normal(size=4000) - s * s / 2), x).family == "log-gaussian"


def test_the_density_of_the_gamma_family_is_scipys():
    x = _x(2000)
    mean = np.exp(1 + 0.5 * x)
    y = np.random.default_rng(7).gamma(3.0, mean / 3.0)
    found = room._densities(Table({"x": x}), SCHEMA, "y", y, None, ["gamma"], 0)["gamma"]
    rows = np.sort(room.numpy_generator(0, "family").permutation(2000)[1500:])
    expected = stats.gamma.logpdf(y[rows], 3.0, scale=mean[rows] / 3.0)
    # mean and shape are estimated from 1,500 rows
    np.testing.assert_allclose(found, expected, atol=0.5)
    assert found.mean() == pytest.approx(expected.mean(), abs=0.02)


def test_where_both_serve_alike_the_family_that_is_solved_exactly_is_taken():
    """A coefficient of variation of 5%: gamma and log-normal are the same to 200 judged rows."""
    x = _x(800)
    y = np.random.default_rng(2).gamma(400.0, np.exp(3 + 0.5 * x) / 400.0)
    found = _choose(y, x)
    assert found.family == "log-gaussian"


def test_positive_numbers_alone_are_gamma():
    x = _x(2000)
    y = np.random.default_rng(1).gamma(0.5, np.exp(x))
    assert _choose(y, x).family == "gamma"
    for value in (0.0, -1.0):
        y[5] = value
        found = _choose(y, x)
        assert found.family == "gaussian"
        assert found.reason == "a number that can be negative or zero"


def _latent(n=6000):
    x = _x(n)
    return x, np.digitize(2.5 * x + np.random.default_rng(1).logistic(size=n), [-2.0, -0.5, 0.5, 2.0])


def test_whole_numbers_with_an_order_are_ordinal_and_those_without_categorical():
    x, codes = _latent()
    ordered = np.array(["8", "9", "10", "11", "12"], dtype=object)
    found = _choose(ordered[codes], x, kind=Kind.CATEGORY)
    assert (found.family, found.classes) == ("ordinal", ("8", "9", "10", "11", "12"))
    assert found.reason.startswith("5 whole numbers as labels; mean log loss of rows held out: ordinal ")
    mixed = _choose(ordered[[2, 4, 0, 3, 1]][codes], x, kind=Kind.CATEGORY)
    assert (mixed.family, mixed.classes) == ("categorical", ("10", "11", "12", "8", "9"))
    assert "rows held out: categorical " in mixed.reason
    texts = _choose(np.array(list("abcde"), dtype=object)[codes], x, kind=Kind.CATEGORY)
    assert texts.reason == "5 classes: softmax scores"


def test_an_order_that_is_said_is_not_questioned():
    x, codes = _latent(200)
    levels = ("low", "fair", "good", "fine", "top")
    schema = Schema(SCHEMA.columns, ColumnType("y", Kind.ORDERED, "", levels=levels))
    values = np.array(levels, dtype=object)[[2, 4, 0, 3, 1]][codes]
    found = choose_family(Table({"x": x}), schema, "y", Kind.ORDERED, values, None, None, 0)
    assert (found.family, found.classes) == ("ordinal", levels)
    assert found.reason == "5 levels in their order, as you said"
    two = levels_of_target("y", ["no", "yes"], ["yes", "no"])
    assert (two.family, two.classes) == ("bernoulli", ("yes", "no"))
    assert _choose(np.array(["10", "9", "8"] * 9, dtype=object), kind=Kind.ORDERED).classes == (
        "8",
        "9",
        "10",
    )


def test_on_too_many_columns_the_order_is_not_tried(monkeypatch):
    monkeypatch.setattr(room, "_MOST_WORK", 1.0)
    x, codes = _latent(200)
    found = _choose(np.array(["1", "2", "3", "4", "5"], dtype=object)[codes], x, kind=Kind.CATEGORY)
    assert found.family == "categorical"
    assert "was not tried on so many columns (--types y=ordered says so)" in found.reason
