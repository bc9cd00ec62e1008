"""Every smooth method on classic problems against SciPy, and on what has no minimum."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from sklearn.datasets import load_breast_cancer

from fivefold.core import Budget, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.probability import Bernoulli, GaussianPrior

FAST = ["conjugate-gradients", "newton", "newton-modified", "newton-cg", "trust-region", "cubic"]
SLOW = ["gradient-descent", "momentum", "nesterov"]


def rosenbrock(w):
    return (100 * (w[1::2] - w[::2] ** 2) ** 2 + (1 - w[::2]) ** 2).sum()


def powell(w):
    a, b, c, d = w
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def beale(w):
    a, b = w
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def wood(w):
    a, b, c, d = w
    left = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return left + 10 * (b + d - 2) ** 2 + 0.1 * (b - d) ** 2


def helix(w):
    a, b, c = w
    turn = torch.atan2(b, a) / (2 * math.pi)
    return 100 * ((c - 10 * turn) ** 2 + (torch.sqrt(a**2 + b**2) - 1) ** 2) + c**2


def saddle(w):
    return w[0] ** 2 + w[1] ** 4 / 4 - w[1] ** 2 / 2


# Moré, Garbow and Hillstrom, "Testing unconstrained optimization software", 1981: starts and minima
PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], [1.0, 1.0], 1e-7),
    "rosenbrock 100": (rosenbrock, [-1.2, 1.0] * 50, [1.0] * 100, 1e-7),
    # the Hessian is singular at the minimum: |w| goes with the cube root of the gradient
    "powell": (powell, [3.0, -1.0, 0.0, 1.0], [0.0] * 4, 3e-3),
    "beale": (beale, [1.0, 1.0], [3.0, 0.5], 1e-7),
    "wood": (wood, [-3.0, -1.0, -3.0, -1.0], [1.0] * 4, 1e-7),
    "helix": (helix, [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], 1e-7),
    "saddle": (saddle, [0.7, 1e-3], [0.0, 1.0], 1e-7),
}


def problem(name):
    fn, start, best, near = PROBLEMS[name]
    return Objective.from_function(fn, torch.tensor(start).double()), torch.tensor(best).double(), near


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("name", PROBLEMS)
def test_published_minima_are_found(name, method):
    F, best, near = problem(name)
    end = minimize(F, method)
    assert end.status is Status.CONVERGED, end.reason
    torch.testing.assert_close(end.w, best, rtol=0, atol=near)
    assert float(end.value) == pytest.approx(-0.25 if name == "saddle" else 0.0, abs=2e-12)
    assert end.certificates[0].holds is True
    assert end.certificates[1].holds is not False


@pytest.mark.parametrize(
    ("name", "method"),
    [("saddle", "gradient-descent"), ("beale", "momentum"), ("beale", "nesterov"), ("saddle", "nesterov")],
)
def test_gradient_steps_find_them_too(name, method):
    F, best, near = problem(name)
    end = minimize(F, method)
    assert end.status is Status.CONVERGED, end.reason
    torch.testing.assert_close(end.w, best, rtol=0, atol=near)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    F = DataObjective(Linear(30), Bernoulli(), (torch.tensor(X), torch.tensor(y)), GaussianPrior(1.0))

    def both(w):
        value, gradient = F.value_and_gradient(torch.tensor(w))
        return float(value), gradient.numpy()

    peer = scipy_minimize(
        both,
        np.zeros(F.size),
        jac=True,
        method="trust-exact",
        hess=lambda w: F.hessian(torch.tensor(w)).to_dense().numpy(),
        options={"gtol": 1e-11},
    )
    return F, peer


@pytest.mark.parametrize("method", FAST + SLOW)
def test_logistic_regression_on_real_data_equals_scipy(cancer, method):
    F, peer = cancer
    end = minimize(F, method, tolerance=1e-8)
    assert end.status is Status.CONVERGED, end.reason
    # m = 1 / 569, so that |w - w*| <= 1e-8 * 569
    np.testing.assert_allclose(end.w.numpy(), peer.x, rtol=0, atol=1e-5)
    assert float(end.value) == pytest.approx(peer.fun, rel=1e-11)


@pytest.mark.parametrize("method", FAST + SLOW)
def test_starts_in_a_batch_end_as_each_alone(method):
    F = problem("saddle")[0]
    starts = torch.tensor([[0.7, 1e-3], [-2.0, -0.5], [0.0, 3.0], [1.0, -1e-4]]).double()
    together = minimize(F, method, w0=starts)
    for row in range(4):
        alone = minimize(F, method, w0=starts[row])
        assert together.statuses[row] is alone.status is Status.CONVERGED
        torch.testing.assert_close(together.w[row], alone.w, rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", FAST + SLOW)
@pytest.mark.parametrize(
    "fn", [lambda w: -w.sum(), lambda w: -(w**2).sum() - w.sum(), lambda w: -(w**4).sum()]
)
def test_what_is_unbounded_below_is_diverged(method, fn):
    end = minimize(Objective.from_function(fn, torch.tensor([2.0, 1.5]).double()), method)
    assert end.status is Status.DIVERGED
    assert bool(torch.isfinite(end.w).all())
    assert math.isfinite(float(end.value))


@pytest.mark.parametrize("method", FAST + SLOW)
def test_the_other_ends_are_told_apart(method):
    def of(fn):
        return Objective.from_function(fn, torch.tensor([0.5, 2.0]).double())

    assert minimize(of(lambda w: torch.nan * w.sum()), method).status is Status.ILL_POSED
    assert minimize(of(lambda w: 0 * w.sum() + 3), method).status is Status.CONVERGED
    end = minimize(of(rosenbrock), method, budget=Budget(steps=2))
    assert (end.status, end.steps) == (Status.OUT_OF_BUDGET, 2)
    lie = Objective.from_oracle(lambda w: (float(w @ w), -2 * w), np.array([0.5, 2.0]))
    end = minimize(lie, method)
    assert end.status is Status.STALLED
    assert "the gradient disagrees with F" in end.reason


@pytest.mark.parametrize("method", [*FAST, "nesterov"])
def test_float32_reaches_its_own_tolerance(method):
    F = Objective.from_function(beale, torch.ones(2))
    end = minimize(F, method)
    assert end.status is Status.CONVERGED, end.reason
    assert end.w.dtype == torch.float32
    torch.testing.assert_close(end.w, torch.tensor([3.0, 0.5]), rtol=0, atol=2e-3)
