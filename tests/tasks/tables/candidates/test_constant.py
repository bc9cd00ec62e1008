"""The constant maximises the likelihood of its family."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fivefold.core import Status
from fivefold.tasks.tables.candidates.constant import Constant, fit_or_constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.predictors import ConstantPredictor, LinearPredictor
from fivefold.tasks.tables.schema import ColumnType, Kind, Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


def _problem(family, y, weights=None, offset=None):
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r"), "ordinal": ("p", "q", "r")}.get(
        family, ()
    )
    table = Table({"x": np.zeros(len(y))})
    return Problem(table, Schema(()), Target("y", family, classes), y, weights, offset)


def _values(*args):
    fitted = Constant().fit(_problem(*args))
    assert fitted.status is Status.CONVERGED
    return fitted.predictor.values


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "family", ["gaussian", "log-gaussian", "gamma", "poisson", "bernoulli", "categorical", "ordinal"]
)
def test_no_other_constant_has_a_smaller_mean_loss(family, weighted):
    generator = np.random.default_rng(0)
    n = 5000
    y = {
        "poisson": generator.poisson(2.5, n),
        "bernoulli": generator.random(n) < 0.3,
        "categorical": generator.choice(3, n, p=[0.2, 0.5, 0.3]),
        "ordinal": generator.choice(3, n, p=[0.2, 0.5, 0.3]),
        "gamma": generator.gamma(2.0, 3.0, n),
    }.get(family, generator.normal(3, 1, n))
    y = np.asarray(y, dtype=float)
    weights = generator.uniform(0.5, 1.5, n) if weighted else None
    problem = _problem(family, y, weights)
    a = np.ones(n) if weights is None else weights

    def loss(eta):
        return float(np.average(problem.target.loss(np.tile(eta, (n, 1)), y), weights=a))

    values = _values(family, y, weights)
    best = minimize(loss, values + 0.1, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    # half an observation is added to every class, so that no probability is zero
    assert loss(values) <= best.fun + 1e-6


def test_a_rate_is_counts_over_exposure():
    y, exposure = np.array([2.0, 3.0, 0.0]), np.array([1.0, 4.0, 5.0])
    assert _values("poisson", y, None, np.log(exposure))[0] == pytest.approx(np.log(0.5))


def test_what_never_happens_keeps_a_finite_score():
    assert np.isfinite(_values("poisson", np.zeros(5))).all()
    assert np.isfinite(_values("bernoulli", np.ones(5))).all()
    assert np.isfinite(_values("categorical", np.zeros(5))).all()


def test_its_cost_grows_with_the_rows():
    assert Constant().cost(200, 9, 2) == 2 * Constant().cost(100, 9, 2)


@pytest.mark.parametrize(
    ("family", "level"), [("poisson", "plain"), ("gaussian", "kernel"), ("gamma", "plain")]
)
def test_rows_of_which_no_column_tells_anything_get_the_constant(family, level):
    y = np.random.default_rng(0).poisson(3.0, 40) + 1.0
    names = np.array([f"k{i}" for i in range(40)], dtype=object)
    schema = Schema((ColumnType("a", Kind.CATEGORY, "said"),))
    problem = Problem(Table({"a": names}), schema, Target("y", family), y)
    assert problem.columns == 0
    found = fit_or_constant(LinearCandidate(level), problem).predictor
    assert isinstance(found, ConstantPredictor)
    assert np.array_equal(found.values, Constant().fit(problem).predictor.values)
    names[20:] = ["p", "q"] * 10
    repeated = Problem(Table({"a": names}), schema, Target("y", family), y)
    assert repeated.columns == 2
    assert isinstance(fit_or_constant(LinearCandidate("plain"), repeated).predictor, LinearPredictor)
