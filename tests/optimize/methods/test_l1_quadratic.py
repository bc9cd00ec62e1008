"""The quadratic with an l1 penalty against its optimality conditions and coordinate descent."""

import pytest
import torch
from sklearn.linear_model import Lasso
from torch.testing import assert_close

from fivefold.optimize.methods.l1_penalty import L1Penalty
from fivefold.optimize.methods.l1_quadratic import minimise_l1_quadratic


def problem(seed, p=25, rank=25):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(rank, p, generator=generator, dtype=torch.float64)
    return A, A.mT @ A / rank, torch.randn(p, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("rank", [25, 10])
@pytest.mark.parametrize("lam", [0.5, 0.05, 1e-4])
def test_the_conditions_of_the_optimum_hold(lam, rank):
    A, H, noise = problem(1, rank=rank)
    g = A.mT @ (A @ noise) / rank  # in the range of H: bounded below however small lambda
    penalty = L1Penalty(torch.full((25,), lam).double())
    z = minimise_l1_quadratic(H, -g, torch.zeros(25).double(), penalty, 1e-10)
    slope = H @ z - g
    on = z != 0
    # 1e-10 is asked for; the map adds the rounding of a product
    assert_close(slope[on], -lam * z[on].sign(), rtol=0, atol=1e-9)
    assert float(slope.abs().max()) <= lam + 1e-9


def test_it_agrees_with_coordinate_descent_and_starts_anywhere():
    A, H, _ = problem(2, rank=60)
    y = A @ torch.linspace(-1, 1, 25).double() + 0.1
    peer = Lasso(alpha=0.05, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(A.numpy(), y.numpy())
    penalty = L1Penalty(torch.full((25,), 0.05).double())
    start = torch.randn(25, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradient = A.mT @ (A @ start - y) / 60
    z = minimise_l1_quadratic(H, gradient, start, penalty, 1e-12)
    assert_close(z.numpy(), peer.coef_, rtol=0, atol=1e-8)


def test_coordinates_without_a_penalty_are_solved_for():
    _, H, g = problem(3, rank=40)
    weights = torch.full((25,), 0.1).double()
    weights[[4, 24]] = 0
    z = minimise_l1_quadratic(H, g, torch.zeros(25).double(), L1Penalty(weights), 1e-11)
    slope = H @ z + g
    assert float(slope[[4, 24]].abs().max()) < 1e-10
    assert float(L1Penalty(weights).distance(z, slope)) < 1e-10
    free = minimise_l1_quadratic(H, g, torch.zeros(25).double(), L1Penalty(0 * weights), 1e-11)
    assert_close(free, -torch.linalg.solve(H, g), rtol=1e-8, atol=1e-10)


def test_a_large_penalty_gives_zero_and_zero_curvature_is_left_alone():
    _, H, g = problem(4)
    big = L1Penalty(torch.full((25,), float(g.abs().max())).double())
    assert not minimise_l1_quadratic(H, g, torch.zeros(25).double(), big, 1e-12).any()
    flat = minimise_l1_quadratic(
        torch.zeros(2, 2), torch.tensor([0.5, 0.5]), torch.ones(2), L1Penalty(torch.ones(2)), 1e-6
    )
    assert bool(torch.isfinite(flat).all())
