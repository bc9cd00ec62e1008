"""Gauss-Newton: one step for linear residuals, fast for small ones, a search where the step is too long."""

import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.objective import DataObjective, Objective
from fivefold.optimize import minimize
from fivefold.probability import Gaussian, Poisson

GENERATOR = torch.Generator().manual_seed(2)
A = torch.randn(9, 4, generator=GENERATOR, dtype=torch.float64)
B = torch.randn(9, generator=GENERATOR, dtype=torch.float64)


def test_linear_residuals_take_one_step() -> None:
    end = minimize(Objective.from_residuals(lambda w: A @ w - B, torch.zeros(4).double()), "gauss-newton")
    assert end.steps == 1
    assert end.status is Status.CONVERGED
    torch.testing.assert_close(end.w, torch.linalg.lstsq(A, B[:, None]).solution[:, 0])


def test_the_search_shortens_a_step_that_is_too_long() -> None:
    """atan from 3: the whole step overshoots further each time."""
    end = minimize(Objective.from_residuals(torch.atan, torch.tensor([3.0]).double()), "gauss-newton")
    assert end.status is Status.CONVERGED
    assert abs(float(end.w[0])) < 1e-8


def test_a_batch_of_points() -> None:
    def circle(w: torch.Tensor) -> torch.Tensor:
        return torch.stack([w[0] ** 2 + w[1] ** 2 - 4, w[0] - w[1]])

    starts = torch.tensor([[1.0, 2.0], [-3.0, -1.0]], dtype=torch.float64)
    end = minimize(Objective.from_residuals(circle, starts[0]), "gauss-newton", w0=starts)
    root = 2.0**0.5
    torch.testing.assert_close(end.w, torch.tensor([[root, root], [-root, -root]], dtype=torch.float64))


@pytest.mark.parametrize("likelihood", [Gaussian(sd=0.5), Poisson()])
def test_a_data_objective(likelihood: Gaussian | Poisson) -> None:
    torch.manual_seed(0)
    X = A[:, :2]
    F = DataObjective(torch.nn.Linear(2, 1).double(), likelihood, (X, torch.arange(9) % 4))
    end = minimize(F, "gauss-newton")
    assert end.status is Status.CONVERGED
    # linear in w: Gauss-Newton's matrix is the Hessian
    torch.testing.assert_close(end.w, minimize(F, "newton").w, rtol=1e-6, atol=1e-6)


def test_an_objective_without_residuals_is_refused() -> None:
    with pytest.raises(ArgumentError, match="from_residuals"):
        minimize(Objective.from_function(lambda w: (w**2).sum(), torch.ones(2)), "gauss-newton")
