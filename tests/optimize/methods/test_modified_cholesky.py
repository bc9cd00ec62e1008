"""Modified Cholesky: H itself where that is definite, else H + E, definite and near."""

import pytest
import torch

from fivefold.objective import Objective
from fivefold.optimize.methods.modified_cholesky import ModifiedNewton, modified_cholesky


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def completed(H):
    """H + E, from its inverse."""
    factor = modified_cholesky(H)
    eye = torch.eye(H.shape[-1], dtype=H.dtype)
    columns = [factor.solve(e.expand(H.shape[0], -1)) for e in eye]
    return torch.linalg.inv(torch.stack(columns, -1)), factor


def test_a_definite_matrix_is_left_as_it_is():
    A = random(4, 7, 7)
    H = A @ A.mT + torch.eye(7).double()
    whole, factor = completed(H)
    torch.testing.assert_close(whole, H, rtol=1e-9, atol=1e-9)
    assert not bool(factor.changed.any())


def test_an_indefinite_matrix_becomes_definite_and_stays_near():
    A = random(200, 8, 8)
    H = A + A.mT
    whole, factor = completed(H)
    assert bool(factor.changed.all())
    eigenvalues = torch.linalg.eigvalsh(0.5 * (whole + whole.mT))
    assert bool((eigenvalues > 0).all())
    lowest = torch.linalg.eigvalsh(H)
    change = torch.linalg.matrix_norm(whole - H, 2)
    # at best 2 |lambda_min|; L is bounded by Bunch and Kaufman's pivoting, which keeps the loss small
    assert float((change / (2 * lowest.abs().amax(-1))).median()) < 2
    torch.testing.assert_close(whole, whole.mT, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "H",
    [
        [[0.0, 1.0], [1.0, 0.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[-1.0, 0.0], [0.0, 1e-20]],
        [[0.0, 1e-30], [1e-30, 1.0]],
    ],
)
def test_singular_and_antidiagonal_matrices_give_descent(H):
    g = torch.tensor([[1.0, -2.0]]).double()
    p = -modified_cholesky(torch.tensor([H]).double()).solve(g)
    assert bool(torch.isfinite(p).all())
    assert float((p * g).sum()) < 0


def test_a_direction_of_strong_negative_curvature_is_not_followed_far():
    H = torch.diag(torch.tensor([2.0, -4.0]).double())[None]
    assert modified_cholesky(H).solve(torch.tensor([[2.0, 4.0]]).double()).tolist() == [[1.0, 1.0]]
    # a zero pivot is raised to delta times the largest entry
    H = torch.diag(torch.tensor([2.0, 0.0]).double())[None]
    assert modified_cholesky(H, delta=0.5).solve(torch.ones(1, 2).double()).tolist() == [[0.5, 1.0]]


def test_a_hessian_that_is_not_finite_leaves_the_negative_gradient():
    F = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w), torch.ones(2).numpy(), hessian_product=lambda w, v: v * float("nan")
    )
    rule, w, g = ModifiedNewton(F), torch.ones(1, 2).double(), torch.tensor([[3.0, 4.0]]).double()
    p, first = rule.find(w, g, torch.tensor([0]))
    assert (p.tolist(), first.tolist()) == ((-g).tolist(), [1.0])
    rule.learn(w, g)
    rule.reset(torch.tensor([0]))
