"""BFGS with a dense inverse: the update's identities, and minima beside L-BFGS."""

import pytest
import torch

from fivefold.core import Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.bfgs import DenseQuasiNewton


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spd(n, seed=0):
    M = random(n, n, seed=seed)
    return M @ M.T / n + 0.1 * torch.eye(n, dtype=torch.float64)


def matrix(rule, n, batch=1):
    rows = torch.arange(batch)
    columns = [
        rule.find(torch.zeros(batch, n), e.expand(batch, n), rows)[0]
        for e in torch.eye(n, dtype=torch.float64)
    ]
    return -torch.stack(columns, dim=-1)


def test_the_update_is_the_published_product_and_meets_the_secant_equation():
    n, A = 5, spd(5)
    rule = DenseQuasiNewton()
    s = random(3, 1, n, seed=1)
    H = None
    for pair in s:
        y = pair @ A
        rule.learn(pair, y)
        a, b = pair[0], y[0]
        rho = 1 / (a @ b)
        eye = torch.eye(n, dtype=torch.float64)
        H = (a @ b) / (b @ b) * eye if H is None else H
        H = (eye - rho * torch.outer(a, b)) @ H @ (eye - rho * torch.outer(b, a)) + rho * torch.outer(a, a)
        torch.testing.assert_close(matrix(rule, n)[0], H, rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(H @ b, a, rtol=1e-10, atol=1e-12)


def test_pairs_without_curvature_and_points_that_stayed_are_passed_over():
    n = 3
    rule = DenseQuasiNewton()
    s = random(2, n, seed=2)
    y = torch.stack([-s[0], 2 * s[1]])
    rule.learn(s, y)
    H = matrix(rule, n, 2)
    torch.testing.assert_close(H[0], torch.eye(n, dtype=torch.float64))
    torch.testing.assert_close(H[1], 0.5 * torch.eye(n, dtype=torch.float64))
    rule.learn(torch.zeros_like(s), torch.zeros_like(s))
    torch.testing.assert_close(matrix(rule, n, 2), H)
    rule.reset(torch.tensor([1]))
    torch.testing.assert_close(matrix(rule, n, 2)[1], torch.eye(n, dtype=torch.float64))
    rule.learn(s, s)
    torch.testing.assert_close(matrix(rule, n, 2)[1], torch.eye(n, dtype=torch.float64))


def valley(w):
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


@pytest.mark.parametrize("size", [2, 10])
def test_a_curved_valley_takes_fewer_evaluations_than_with_ten_pairs(size):
    start = torch.tensor([-1.2, 1.0] * (size // 2), dtype=torch.float64)
    F = Objective.from_function(valley, start)
    found, short = minimize(F, "bfgs"), minimize(F, "lbfgs", memory=3)
    assert found.status is Status.CONVERGED
    assert found.evaluations < short.evaluations


def test_a_batch_goes_the_way_of_its_points():
    F = Objective.from_function(valley, torch.zeros(4).double())
    starts = random(3, 4, seed=5)
    batch = minimize(F, "bfgs", w0=starts)
    for row in range(3):
        alone = minimize(F, "bfgs", w0=starts[row])
        torch.testing.assert_close(batch.w[row], alone.w, rtol=0, atol=1e-9)
        assert batch.statuses[row] is alone.status


def test_too_many_parameters_are_refused():
    F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(3000))
    with pytest.raises(ValueError, match="parameters"):
        minimize(F, "bfgs")
