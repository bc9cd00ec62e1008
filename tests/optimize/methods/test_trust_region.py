"""The ball's radius, and the method on functions whose steps are known."""

import torch

from fivefold.core import Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.trust_region import Ball


def test_the_radius_follows_success():
    one = torch.ones(5).double()
    ratio = torch.tensor([-torch.inf, 0.2, 0.5, 0.9, 0.9]).double()
    length = torch.tensor([1.0, 0.75, 1.0, 1.0, 0.5]).double()
    assert Ball().update(one, ratio, length, one, one).tolist() == [0.25, 0.1875, 1.0, 2.0, 1.0]


def test_a_step_inside_is_newtons_and_converges_quadratically():
    F = Objective.from_function(lambda w: (torch.exp(w) - 2 * w).sum(), torch.full((3,), 0.5).double())
    end = minimize(F, "trust-region")
    torch.testing.assert_close(end.w, torch.full((3,), 2.0).double().log(), rtol=0, atol=1e-12)
    norms = end.history["gradient_norm"]
    assert float(norms[3]) < 2 * float(norms[2]) ** 2


def test_products_alone_solve_a_large_nonconvex_problem():
    size = 800
    weights = torch.logspace(0, 2, size, dtype=torch.float64)
    F = Objective.from_function(
        lambda w: (weights * (w**4 / 4 - w**2 / 2)).sum() + (w[1:] * w[:-1]).sum() / 10,
        torch.linspace(-0.5, 0.4, size).double(),
    )
    end = minimize(F, "trust-region", tolerance=1e-6)
    assert end.status is Status.CONVERGED, end.reason
    assert "no negative curvature was found" in end.reason
    assert bool((end.w.abs() > 0.5).all())
