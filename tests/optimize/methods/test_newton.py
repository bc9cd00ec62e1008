"""Newton directions against dense solves."""

import torch

from fivefold.optimize.methods.newton import newton_direction, truncated_newton


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_positive_definite_gives_the_solution():
    A = random(3, 5, 5)
    H = A @ A.mT + torch.eye(5)
    g = random(3, 5, seed=1)
    torch.testing.assert_close(newton_direction(H, g), -torch.linalg.solve(H, g), rtol=1e-10, atol=1e-10)


def test_an_indefinite_batch_gives_descent_by_the_absolute_eigenvalues():
    A = random(4, 5, 5)
    H = A + A.mT
    H[0] = torch.eye(5)
    g = random(4, 5, seed=1)
    values, Q = torch.linalg.eigh(H)
    absolute = Q @ torch.diag_embed(values.abs()) @ Q.mT
    p = newton_direction(H, g)
    torch.testing.assert_close(p, -torch.linalg.solve(absolute, g), rtol=1e-9, atol=1e-9)
    assert bool(((p * g).sum(-1) < 0).all())


def test_singular_and_zero_hessians_give_descent():
    u = random(1, 5)
    g = random(1, 5, seed=1)
    for H in (u[:, :, None] * u[:, None, :], torch.zeros(1, 5, 5, dtype=torch.float64)):
        p = newton_direction(H, g)
        assert bool(torch.isfinite(p).all())
        assert float((p * g).sum()) < 0
    torch.testing.assert_close(p, -g)


def test_conjugate_gradients_meet_their_tolerance():
    A = random(30, 30)
    H = A @ A.T + torch.eye(30)
    g = 1e-3 * random(30, seed=1)
    p, along = truncated_newton(lambda v: H @ v, g)
    assert along is None
    assert float((H @ p + g).norm()) <= min(0.5, float(g.norm()) ** 0.5) * float(g.norm())


def test_negative_curvature_ends_with_its_direction_and_the_descent_so_far():
    g = random(4)
    for H in (-torch.eye(4).double(), torch.diag(torch.tensor([5.0, 1.0, -1.0, -3.0]).double())):
        p, along = truncated_newton(lambda v, H=H: H @ v, g)
        assert float(along @ H @ along) <= 0
        assert float(p @ g) < 0 or not bool(p.any())
        assert float(p @ H @ p) >= 0
