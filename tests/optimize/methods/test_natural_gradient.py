"""The natural gradient: Fisher's scoring for exponential families, and the same path in other parameters."""

import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.natural_gradient import natural_gradient
from fivefold.probability import Bernoulli, Gaussian, Poisson

X = torch.randn(40, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Poisson(), Gaussian()])
def test_the_maximum_of_the_likelihood(likelihood: Bernoulli | Poisson | Gaussian) -> None:
    y = ((X[:, 0] + torch.sin(7 * X[:, 1])) > 0).to(torch.int64)
    F = DataObjective(Linear(X), likelihood, (X, y))
    end = minimize(F, "natural-gradient")
    assert end.status is Status.CONVERGED
    torch.testing.assert_close(end.w, minimize(F, "newton").w, rtol=1e-5, atol=1e-5)


def test_the_step_is_fisher_s_damped() -> None:
    y = (X[:, 0] > 0.3).to(torch.int64)
    F = DataObjective(Linear(X), Bernoulli(), (X, y))
    w = F.initial + 0.2
    value, gradient = F.value_and_gradient(w)
    fisher = F.fisher(w).to_dense()
    damping = 1e-3 * fisher.diagonal().mean() * torch.eye(3, dtype=torch.float64)
    move = natural_gradient(F).move(w[None], value[None], gradient[None], torch.tensor([0]))
    torch.testing.assert_close(move.w[0] - w, torch.linalg.solve(fisher + damping, -gradient))


def test_an_objective_without_a_likelihood_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Fisher"):
        minimize(Objective.from_residuals(lambda w: w, torch.ones(2)), "natural-gradient")
