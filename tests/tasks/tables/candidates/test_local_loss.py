"""Losses of local fits against the likelihoods, finite differences and an independent minimiser."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from fivefold.probability import Ordinal
from fivefold.tasks.tables.candidates.local_fit import Left, Rows, Setting, fit_at, leave_one_out
from fivefold.tasks.tables.candidates.local_loss import Ordered, Squared
from fivefold.tasks.tables.places import Places

CUTS = np.array([-1.0, 0.5, 2.5])


def _rows(n=80, seed=0):
    generator = np.random.default_rng(seed)
    eta = 1.0 + generator.normal(size=n)
    y = generator.integers(0, 4, n).astype(float)
    return eta, y, generator


def test_the_ordered_loss_is_that_of_the_likelihood_up_to_a_constant_of_the_class():
    eta, y, generator = _rows()
    shift = generator.normal(size=80)
    likelihood = Ordinal(4)
    theta = likelihood.coordinates(torch.from_numpy(CUTS))

    def exact(s):
        codes = torch.from_numpy(y.astype(np.int64))
        return likelihood.negative_log_density(torch.from_numpy(eta + s), codes, theta).numpy()

    loss, every = Ordered.of(eta, CUTS, y), np.arange(80)
    own = loss.value(every, shift) - loss.value(every, np.zeros(80))
    np.testing.assert_allclose(own, exact(shift) - exact(np.zeros(80)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["ordered", "squared"])
def test_force_and_curvature_are_the_derivatives(kind):
    eta, y, generator = _rows()
    loss = Ordered.of(eta, CUTS, y) if kind == "ordered" else Squared(y - eta)
    every, shift, h = np.arange(80), generator.normal(size=80), 1e-5
    force, curvature = loss.pull(every, shift)
    up, down = (loss.value(every, shift + e) for e in (h, -h))
    np.testing.assert_allclose(force, (down - up) / (2 * h), atol=1e-8)
    up, down = (loss.pull(every, shift + e)[0] for e in (h, -h))
    np.testing.assert_allclose(curvature, (down - up) / (2 * h), atol=1e-8)


def test_far_shifts_stay_finite():
    loss = Ordered.of(np.zeros(4), CUTS, np.arange(4.0))
    for shift in (-1e4, 1e4):
        parts = (loss.value(np.arange(4), np.full(4, shift)), *loss.pull(np.arange(4), np.full(4, shift)))
        assert all(np.isfinite(part).all() for part in parts)
    residual, curvature = Ordered.of(np.full(4, 1e4), CUTS, np.arange(4.0)).working()
    assert np.isfinite(residual).all()
    assert (curvature > 0).all()


@pytest.mark.parametrize("setting", [Setting(60, 0.05, 0.1), Setting(40, 2.0, float("inf"))])
def test_the_local_fit_is_the_minimum_that_another_minimiser_finds(setting):
    eta, y, generator = _rows()
    places = Places("x", "y", False)
    points, x = 100.0 + generator.normal(size=(80, 2)), generator.normal(size=(80, 2))
    a = generator.uniform(0.5, 1.5, 80)
    loss = Ordered.of(eta, CUTS, y)
    found = fit_at(Rows(places, points, x, np.zeros(80), a), points[:3], setting, loss)
    assert found.distance < 1e-9
    for j in range(3):
        d = places.distance(points[j : j + 1], points)[0]
        h = np.sort(d)[setting.neighbours - 1]
        w = np.where(d < h, (1 - (d / h) ** 2) ** 2, 0.0) * a
        c = np.column_stack([np.ones(80), (points - points[j]) / h, x])
        priors = np.r_[np.full(3, setting.level), np.full(2, setting.slopes)]
        if np.isinf(setting.slopes):
            c, priors = c[:, :3], priors[:3]

        def objective(theta, c=c, w=w, priors=priors):
            return w @ loss.value(np.arange(80), c @ theta) + 0.5 * priors @ theta**2

        best = minimize(objective, np.zeros(c.shape[1]), method="BFGS", options={"gtol": 1e-7}).x
        np.testing.assert_allclose(found.level[j], best[0], atol=2e-5)
        np.testing.assert_allclose(found.slope[j] * h, best[1:3], atol=2e-5)
        np.testing.assert_allclose(found.deviation[j], np.r_[best[3:], np.zeros(5 - len(best))], atol=2e-5)


def test_leaving_a_row_out_by_one_newton_step_is_close_to_the_fit_without_it():
    """Global model held; the step is exact for squares, here it must come within a tenth of the shifts."""
    eta, y, generator = _rows(150)
    places = Places("x", "y", False)
    points, x = 100.0 + generator.normal(size=(150, 2)), generator.normal(size=(150, 1))
    loss, setting, own = Ordered.of(eta, CUTS, y), Setting(90, 1.0, 2.0), np.arange(0, 150, 6)
    residual, curvature = loss.working()
    rows = Rows(places, points, x, residual, curvature)
    left = Left(own, np.ones((150, 1)), np.zeros((len(own), 1)), residual[own])
    found = residual[own] - leave_one_out(rows, left, [setting])[0]
    exact = []
    for i in own:
        a = np.where(np.arange(150) == i, 0.0, 1.0)
        at = fit_at(Rows(places, points, x, residual, a), points[i : i + 1], setting, loss)
        exact.append(at.level[0] + x[i] @ at.deviation[0])
    exact = np.array(exact)
    assert np.sqrt(np.mean((found - exact) ** 2)) < 0.1 * exact.std()
    assert np.corrcoef(found, exact)[0, 1] > 0.99
