"""L-BFGS within bounds against NNLS, closed forms and SciPy's L-BFGS-B."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from scipy.optimize import nnls
from torch.testing import assert_close

from fivefold.core import ArgumentError, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.bounds import Box
from fivefold.optimize.methods.lbfgs_bounded import search_projected
from fivefold.probability import Gaussian, GaussianPrior


def regression(n=120, p=30, prior=None):
    generator = torch.Generator().manual_seed(3)
    X = torch.randn(n, p, generator=generator, dtype=torch.float64)
    y = torch.randn(n, generator=generator, dtype=torch.float64)
    return DataObjective(Linear(X, intercept=False), Gaussian(sd=1.0), (X, y), prior), X, y


def rosenbrock(w):
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


def test_nonnegative_least_squares():
    F, X, y = regression()
    end = minimize(F, bounds=(0.0, math.inf))
    assert end.status is Status.CONVERGED
    assert end.method == "lbfgs-bounded"
    assert "bounds" in end.why
    # the gradient is within 1e-8, the least curvature about 0.2
    assert_close(end.w.numpy(), nnls(X.numpy(), y.numpy())[0], rtol=0, atol=1e-7)
    assert end.gradient_norm <= 1e-8


def test_a_curved_valley_cut_by_bounds_agrees_with_scipy():
    size = 40
    F = Objective.from_function(rosenbrock, torch.full((size,), 0.5).double())
    low, high = np.linspace(-1.5, 0.5, size), np.full(size, 0.8)

    def evaluate(x):
        value, gradient = F.value_and_gradient(torch.from_numpy(x))
        return float(value), gradient.numpy()

    peer = scipy_minimize(
        evaluate,
        np.clip(np.full(size, 0.5), low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"ftol": 0, "gtol": 1e-8, "maxiter": 5000, "maxfun": 20000},
    )
    end = minimize(F, bounds=(low, high))
    assert end.status.succeeded
    assert_close(float(end.value), float(peer.fun), rtol=1e-10, atol=0)
    assert_close(end.w.numpy(), peer.x, rtol=0, atol=1e-6)


def test_badly_scaled_and_rotated():
    generator = torch.Generator().manual_seed(0)
    Q = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64))[0]
    H = Q @ torch.diag(torch.logspace(0, 5, 20, dtype=torch.float64)) @ Q.mT
    c = torch.randn(20, generator=generator, dtype=torch.float64)
    F = Objective.from_function(lambda w: 0.5 * (w - c) @ H @ (w - c), torch.zeros(20).double())
    end = minimize(F, bounds=(-0.5, 0.5), tolerance=1e-6)
    assert end.status.succeeded
    # the conditions of the optimum: no slope inside, slopes out of the box on its sides
    g = H @ (end.w - c)
    inside = end.w.abs() < 0.5
    assert float(g[inside].abs().max()) <= 1e-6
    assert bool((g * end.w.sign() <= 0)[~inside].all())
    assert int((~inside).sum()) > 3


def test_many_starts_at_once_reach_the_one_optimum():
    F, _, _ = regression()
    starts = torch.rand(6, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    end = minimize(F, bounds=(0.0, 0.05), w0=starts)
    assert all(status is Status.CONVERGED for status in end.statuses)
    assert_close(end.w, end.w[:1].expand(6, 30), rtol=0, atol=1e-6)


def test_a_start_outside_is_projected_and_said():
    F, _, _ = regression()
    end = minimize(F, bounds=(0.0, 1.0), w0=torch.full((30,), -5.0))
    assert "outside the bounds, and projected" in end.why
    assert "outside" not in minimize(F, bounds=(0.0, 1.0), w0=torch.full((30,), 0.5)).why
    assert end.status.succeeded


def test_nothing_outside_the_bounds_is_evaluated():
    seen = []

    def evaluate(x):
        seen.append(x.copy())
        return float(np.sum(x - 2 * np.log(x))), 1 - 2 / x

    F = Objective.from_oracle(evaluate, np.array([0.5, 1.0]))
    end = minimize(F, bounds=(0.25, [5.0, 1.5]))
    assert_close(end.w, torch.tensor([2.0, 1.5]).double(), rtol=0, atol=1e-7)
    points = np.array(seen)
    assert points.min() >= 0.25
    assert points[:, 1].max() <= 1.5


def test_the_bound_of_the_certificate_holds():
    F, _, _ = regression(prior=GaussianPrior(2.0))
    rough = minimize(F, bounds=(0.0, 0.05), tolerance=1e-2)
    exact = minimize(F, bounds=(0.0, 0.05))
    proof = rough.certificates[1]
    assert proof.verdict == "yes"
    assert 0 <= float(rough.value - exact.value) <= proof.bound
    assert exact.certificates[1].bound < 1e-12
    # the same claim with a strong convexity that is not so comes out too small: the bound is sensitive to it
    wrong = minimize(F, bounds=(0.0, 0.05), tolerance=1e-2, strong_convexity=1e9).certificates[1]
    assert wrong.bound < float(rough.value - exact.value)


def test_without_convexity_the_bound_is_unknown():
    F = Objective.from_function(lambda w: -(w**2).sum(), torch.tensor([0.1, -0.2]).double())
    end = minimize(F, bounds=(-1.0, 1.0))
    assert end.w.tolist() == [1.0, -1.0]
    assert end.certificates[0].verdict == "yes"
    assert end.certificates[1].verdict == "unknown"


def test_float32_and_a_fixed_coordinate():
    F = Objective.from_function(lambda w: ((w - 3) ** 2).sum(), torch.zeros(3))
    end = minimize(F, bounds=([0.5, -math.inf, 0.0], [0.5, math.inf, 1.0]))
    assert end.w.dtype == torch.float32
    assert_close(end.w, torch.tensor([0.5, 3.0, 1.0]), rtol=0, atol=1e-4)


def test_falling_without_bound_on_an_open_side_is_said():
    F = Objective.from_function(lambda w: -w.sum(), torch.zeros(2).double())
    end = minimize(F, bounds=(0.0, [math.inf, 1.0]))
    assert end.status is Status.DIVERGED


def test_a_region_that_is_not_finite_is_kept_out_of():
    F = Objective.from_function(lambda w: (-torch.log(1 - w) - 3 * w).sum(), torch.zeros(2).double())
    end = minimize(F, bounds=(-5.0, 5.0))
    assert_close(end.w, torch.full((2,), 2 / 3).double(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", ["lbfgs", "newton", "proximal-newton"])
def test_a_method_that_would_ignore_bounds_is_refused(method):
    F, _, _ = regression()
    with pytest.raises(ArgumentError, match="with bounds a method among auto, lbfgs-bounded"):
        minimize(F, method, bounds=(0.0, 1.0))


def test_looking_at_the_hessian_beside_bounds_is_refused():
    F, _, _ = regression()
    with pytest.raises(ArgumentError, match="no look at the Hessian"):
        minimize(F, bounds=(0.0, 1.0), examine=True)


def test_the_search_ends_where_no_lower_point_is():
    F = Objective.from_function(lambda w: (w**2).sum(), torch.tensor([1.0]))
    w, box = torch.tensor([[1.0]]), Box(torch.tensor([0.5]), torch.tensor([2.0]))
    end = search_projected(F, box, w, *F.value_and_gradient(w), torch.tensor([[1.0]]), torch.ones(1))
    assert end.step.item() == 0
    assert not end.found.item()
    assert end.w.tolist() == [[1.0]]
