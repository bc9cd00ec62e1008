"""Convexity: the bounds of our certificates, of our proven constants, and of gradient descent's pace."""

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.convexity import chord_gap, curvature_range, distance_bounds, ridge, steps_needed
from fivefold.optimize import certify_suboptimality, strong_convexity
from fivefold.probability import Bernoulli, GaussianPrior

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(40, 3))
Y = (GENERATOR.random(40) < 0.5).astype(float)


def objective(precision: float) -> ff.DataObjective:
    rows = torch.tensor(X)
    model = ff.Linear(rows, intercept=False)
    return ff.DataObjective(model, Bernoulli(), (rows, torch.tensor(Y)), GaussianPrior(precision))


def test_fast_path() -> None:
    logistic = objective(8.0)
    w = torch.tensor([0.4, -0.2, 0.3], dtype=torch.float64)
    mu = strong_convexity(logistic)
    assert mu is not None
    hessians = np.stack(
        [logistic.hessian(torch.tensor(at)).to_dense().numpy() for at in GENERATOR.normal(size=(9, 3))]
    )
    assert 0.0 < mu <= curvature_range(hessians)[0]
    _, gradient = logistic.value_and_gradient(w)
    slope = float(gradient.norm())
    excess, distance = distance_bounds(slope, mu)
    assert certify_suboptimality(slope, strong_convexity=mu).bound == pytest.approx(excess, rel=1e-12)
    optimum = ff.minimize(logistic)
    assert 0.0 < float(logistic.value(w) - optimum.value) <= excess
    assert 0.0 < float((w - optimum.w).norm()) <= distance


def test_without_curvature_nothing_is_bounded() -> None:
    assert certify_suboptimality(1e-9, strong_convexity=0.0).verdict == "unknown"
    assert distance_bounds(1e-9, 0.0) == distance_bounds(1e-9, -1.0) == (np.inf, np.inf)


def test_chords() -> None:
    points = GENERATOR.normal(size=(50, 2, 3)) * 2.0
    convex = [chord_gap(lambda w: float(np.logaddexp(0, X @ w).sum()), a, b, 0.3) for a, b in points]
    dented = [chord_gap(lambda w: float(np.sin(w).sum()), a, b, 0.3) for a, b in points]
    assert min(convex) >= 0.0
    assert min(dented) < -0.1


@pytest.mark.parametrize("condition", [1.0, 3.0, 50.0])
def test_so_many_steps_are_enough(condition: float) -> None:
    curvatures, w = np.array([1.0, 0.5 * (1.0 + condition), condition]), np.array([3.0, -1.0, 2.0])
    first = 0.5 * np.sum(curvatures * w**2)
    for _ in range(steps_needed(condition, 1e-4)):
        w = w - curvatures * w / condition
    assert 0.5 * np.sum(curvatures * w**2) <= 1e-4 * first


def test_a_ridge_lifts_every_curvature() -> None:
    flat = np.outer([1.0, 2.0], [1.0, 2.0])
    low, high = curvature_range(ridge(flat, 0.5)[None])
    assert (low, high) == (pytest.approx(0.5), pytest.approx(5.5))
