"""Weights of a blend against the best weights, and the blend as a candidate."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fivefold.core import Certificate, Kind, Status
from fivefold.tasks.tables.candidates.blend import BlendCandidate, greedy_weights, mean_of
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.kinds import ColumnType
from fivefold.tasks.tables.kinds import Kind as Kinds
from fivefold.tasks.tables.predictors import ConstantPredictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


def test_two_methods_get_the_weights_of_the_minimum():
    generator = np.random.default_rng(0)
    y = generator.normal(size=(2000, 1))
    a, b = y + generator.normal(size=(2000, 1)), y + 2 * generator.normal(size=(2000, 1))

    def loss(eta):
        return float(np.mean((eta - y) ** 2))

    best = minimize_scalar(lambda w: loss(w * a + (1 - w) * b), bounds=(0, 1), method="bounded")
    weights = greedy_weights([a, b], loss)
    # steps of one twentieth; independent errors of variance 1 and 4 call for 0.8
    assert weights[0] == pytest.approx(best.x, abs=0.05)
    assert weights.sum() == pytest.approx(1)
    assert loss(weights[0] * a + weights[1] * b) <= min(loss(a), loss(b))


def test_a_useless_method_gets_nothing():
    y = np.random.default_rng(1).normal(size=(300, 1))
    weights = greedy_weights([y, y + 50.0], lambda eta: float(np.mean((eta - y) ** 2)))
    assert weights.tolist() == [1.0, 0.0]


class _Stalled:
    name = "stalled"
    least_rows = 1
    description = ""

    def cost(self, rows, columns, outputs, exact=True):
        return 7.0

    def fit(self, problem):
        return Fitted(ConstantPredictor(np.array([3.0])), Status.STALLED)


def _problem():
    x = np.linspace(0, 1, 40)
    schema = Schema((ColumnType("x", Kinds.NUMBER, ""),))
    return Problem(Table({"x": x}), schema, Target("y", "gaussian"), 2 * x)


def test_the_blend_is_the_weighted_mean_of_its_fitted_members():
    problem = _problem()
    members = (Constant(), LinearCandidate("plain"))
    blend = BlendCandidate(members, np.array([0.25, 0.75]))
    fitted = blend.fit(problem)
    parts = [m.fit(problem).predictor.eta(problem.table) for m in members]
    np.testing.assert_allclose(fitted.predictor.eta(problem.table), 0.25 * parts[0] + 0.75 * parts[1])
    assert set(fitted.details) == {"constant", "ridge"}
    assert fitted.status is Status.CONVERGED
    assert len(fitted.certificates) == 1
    assert blend.description == (
        "Weighted mean of 25% constant, 75% ridge; weights chosen on held-out predictions."
    )


def test_a_mean_of_means_is_one_mean():
    """A member that averages two draws of itself adds its draws: an artifact holds no blend of blends."""
    problem = _problem()
    kernel = LinearCandidate("kernel", frequencies=4, sample=40)
    fitted = BlendCandidate((Constant(), kernel), np.array([0.25, 0.75])).fit(problem)
    assert [type(m).__name__ for m in fitted.predictor.members] == [
        "ConstantPredictor",
        "LinearPredictor",
        "LinearPredictor",
    ]
    np.testing.assert_allclose(fitted.predictor.weights, [0.25, 0.375, 0.375])
    parts = [m.fit(problem).predictor.eta(problem.table) for m in (Constant(), kernel)]
    np.testing.assert_allclose(fitted.predictor.eta(problem.table), 0.25 * parts[0] + 0.75 * parts[1])


def _claim(holds, value):
    return Certificate("a claim", Kind.INDICATOR, holds, value=value)


def test_of_every_claim_the_weakest_certificate_is_kept():
    one = Fitted(ConstantPredictor(np.zeros(1)), Status.CONVERGED, (_claim(True, 1.0), _claim(True, 3.0)))
    two = Fitted(ConstantPredictor(np.zeros(1)), Status.CONVERGED, (_claim(None, 2.0),))
    half = np.array([0.5, 0.5])
    assert [c.value for c in mean_of([one, one], half).certificates] == [3.0]
    assert [c.holds for c in mean_of([one, two], half).certificates] == [None]


def test_the_status_is_that_of_the_member_furthest_from_success():
    blend = BlendCandidate((Constant(), _Stalled()), np.array([0.5, 0.5]))
    assert blend.fit(_problem()).status is Status.STALLED
    assert blend.cost(10, 1, 1) == Constant().cost(10, 1, 1) + 7.0
