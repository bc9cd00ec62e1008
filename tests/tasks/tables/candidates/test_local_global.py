"""The global model under local fits: its residuals, its weights, and the inverse that leave-one-out needs."""

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.local_global import GlobalFit
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

SCHEMA = Schema(tuple(ColumnType(name, Kind.NUMBER, "") for name in ("a", "b")))


def problem(family="gaussian", n=240, weights=None):
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(2, n))
    eta = 2.0 * a - b
    if family == "ordinal":
        y = np.digitize(eta + generator.logistic(size=n), [-1.0, 1.5]).astype(float)
        target = Target("y", "ordinal", ("0", "1", "2"))
    else:
        y, target = 3.0 + eta + 0.3 * generator.normal(size=n), Target("y", family)
    return Problem(Table({"a": a, "b": b}), SCHEMA, target, y, weights, None, 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_predicts_and_its_inverse_is_that_of_the_penalised_products(weighted):
    weights = np.random.default_rng(2).uniform(0.5, 2.0, 240) if weighted else None
    data = problem(weights=weights)
    found = GlobalFit.of(data)
    np.testing.assert_allclose(found.base.eta(data.table)[:, 0], found.eta, atol=1e-4)
    np.testing.assert_allclose(found.residual, data.y - found.eta)
    assert 0.06 < found.noise < 0.16  # 0.09 was drawn, and weights are 1.25 in the mean
    # H = Z inverse Z' A is a smoother: its trace lies between the intercept's one and the columns
    z = found.design.astype(float)
    leverage = np.einsum("ij,jk,ik->i", z, found.inverse, z) * found.weights
    assert 1.0 < leverage.sum() < z.shape[1]
    # what a fit to all rows says of a row left out, by the inverse, against the fit without it
    row = 17
    keep = np.arange(240) != row
    moved = np.linalg.inv(np.linalg.inv(found.inverse) - found.weights[row] * np.outer(z[row], z[row]))
    without = z[row] @ moved @ (z[keep].T @ (found.weights[keep] * data.y[keep]))
    short = data.y[row] - found.residual[row] / (1 - leverage[row])
    assert without == pytest.approx(short, abs=2e-3)


def test_an_ordered_target_has_cutpoints_and_the_curvatures_of_a_newton_step():
    data = problem("ordinal")
    found = GlobalFit.of(data)
    assert found.cutpoints.shape == (2,)
    assert found.cutpoints[0] < found.cutpoints[1]
    assert found.noise == 1.0
    assert (found.curvature > 0).all()
    probabilities = np.exp(found.predictor(found.base).eta(data.table))
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-9)
    chance = np.bincount(data.y.astype(int)).max() / 240
    assert (probabilities.argmax(1) == data.y).mean() > chance + 0.1
    assert found.loss(data.y, np.arange(3)).__class__.__name__ == "Ordered"
