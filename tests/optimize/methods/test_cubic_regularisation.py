"""The cubic term's weight, and the method on large problems by products."""

import torch

from fivefold.core import Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.cubic_regularisation import Cube


def test_the_weight_follows_success():
    one = torch.ones(4).double()
    ratio = torch.tensor([-torch.inf, -1.0, 0.5, 0.95]).double()
    error = torch.tensor([torch.nan, 2.0, 0.1, 0.0]).double()
    assert Cube().update(one, ratio, one, one, error).tolist() == [16.0, 6.0, 1.0, 0.1]


def test_the_rise_is_at_least_twofold():
    one = torch.ones(1).double()
    assert Cube().update(one, -one, one, one, 0.1 * one).tolist() == [2.0]


def test_the_first_weight_scales_with_f():
    w, g, lam = torch.full((1, 2), 3.0), torch.ones(1, 2), torch.tensor([[-2.0, 5.0]])
    torch.testing.assert_close(Cube().first(w, 1e6 * g, 1e6 * lam), 1e6 * Cube().first(w, g, lam))
    assert float(Cube().first(w, g, 0 * lam)) > 0


def test_products_alone_solve_a_large_nonconvex_problem():
    size = 800
    F = Objective.from_function(
        lambda w: (w**4 / 4 - w**2 / 2).sum() + (w[1:] * w[:-1]).sum() / 10,
        torch.linspace(-0.5, 0.4, size).double(),
    )
    end = minimize(F, "cubic", tolerance=1e-6)
    assert end.status is Status.CONVERGED, end.reason
    assert end.steps < 40
    # a stationary point satisfies w^3 - w + (neighbours) / 10 = 0
    near = torch.zeros(size).double()
    near[1:] += end.w[:-1]
    near[:-1] += end.w[1:]
    assert float((end.w**3 - end.w + near / 10).norm()) <= 1e-6
