"""Models of an objective: dense ones are exact, those on Krylov spaces tend to them."""

import torch

from fivefold.objective import Objective
from fivefold.optimize.methods.quadratic_models import dense_models, krylov_models
from fivefold.optimize.methods.secular import ball_step, cubic_step


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


A = random(30, 30)
A = A + A.T


def bent(w):
    return 0.5 * w @ A @ w + (w**4).sum() / 4


F = Objective.from_function(bent, torch.zeros(30).double())
W = random(3, 30, seed=1)


def test_dense_models_reproduce_the_hessian():
    _, g = F.value_and_gradient(W)
    models = dense_models(F, W, g)
    for row in range(3):
        H = A + torch.diag(3 * W[row] ** 2)
        V = models.bases[row]
        torch.testing.assert_close(V @ torch.diag(models.values[row]) @ V.T, H, rtol=0, atol=1e-11)
        torch.testing.assert_close(V @ models.coefficients[row], g[row], rtol=0, atol=1e-11)


def test_a_krylov_model_gives_the_dense_step():
    _, g = F.value_and_gradient(W)
    for step, number in ((ball_step, 0.7), (cubic_step, 0.4)):
        k = torch.full((3,), number, dtype=torch.float64)
        dense = dense_models(F, W, g)
        exact = dense.point(step(dense.values, dense.coefficients, k), torch.arange(3))
        solve = [lambda lam, c, step=step, k=k: step(lam, c, k[:1])] * 3
        models = krylov_models(F, W, g, solve)
        found = models.point(step(models.values, models.coefficients, k), torch.arange(3))
        assert models.products <= 90
        # the residual of the whole problem is at most a tenth of the gradient
        for row in range(3):
            H = A + torch.diag(3 * W[row] ** 2)
            mu = -(found[row] @ (g[row] + H @ found[row])) / found[row].norm() ** 2
            assert float((H @ found[row] + mu * found[row] + g[row]).norm()) <= 0.11 * float(g[row].norm())
        near = (found - exact).norm(dim=-1) / exact.norm(dim=-1)
        assert float(near.max()) < 0.3


def test_a_full_krylov_space_is_the_dense_model():
    w = 1e-9 * W[:1]
    _, g = F.value_and_gradient(w)
    k = torch.ones(1).double()
    models = krylov_models(F, w, g, [lambda lam, c: ball_step(lam, c, k)])
    dense = dense_models(F, w, g)
    assert models.bases[0].shape == (30, 30)
    torch.testing.assert_close(models.values, dense.values, rtol=0, atol=1e-8)


def test_an_invariant_space_ends_early():
    G = Objective.from_function(lambda w: w[0] ** 2 + 3 * w[1] ** 2 + (w**2).sum(), torch.zeros(50).double())
    w = torch.zeros(1, 50).double()
    w[0, :2] = 1e-8
    models = krylov_models(G, w, G.gradient(w), [lambda lam, c: ball_step(lam, c, torch.ones(1).double())])
    assert models.products == 2
    torch.testing.assert_close(models.values, torch.tensor([[4.0, 8.0]]).double())


def test_a_hessian_that_is_not_finite_is_said():
    G = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w), torch.ones(3).numpy(), hessian_product=lambda w, v: v * float("nan")
    )
    w = torch.ones(1, 3).double()
    assert dense_models(G, w, 2 * w).finite.tolist() == [False]
    models = krylov_models(G, w, 2 * w, [lambda lam, c: ball_step(lam, c, torch.ones(1).double())])
    assert models.finite.tolist() == [False]
    assert bool(torch.isfinite(models.values).all())
