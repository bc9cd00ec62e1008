import numpy as np
import pytest
import torch

from fivefold.core import Status
from fivefold.linalg import (
    BlockDiagonal,
    Dense,
    Diagonal,
    Identity,
    Kronecker,
    LinearOperator,
    LowRankPlusDiagonal,
    solve,
    structured_solve,
)

G = torch.Generator().manual_seed(8)
A, B, C = (torch.randn(n, n, generator=G, dtype=torch.float64) + 3 * torch.eye(n) for n in (4, 5, 6))
X = 5 + torch.arange(240.0).reshape(120, 2).double()


def test_kronecker_systems_go_through_the_factors():
    K = Kronecker(A, B @ B.mT, Diagonal(1 + torch.arange(6.0)))
    dense = K.to_dense()
    s = solve(K, dense @ X)
    assert s.method == "kronecker"
    assert torch.allclose(s.x, torch.linalg.solve(dense, dense @ X), rtol=1e-9)
    assert [c.verdict for c in s.certificates] == ["yes", "yes"]
    assert float((s.x - X).abs().max() / s.x.abs().max()) <= s.certificates[1].value < 1e-8
    one = solve(K, (dense @ X)[:, 0].numpy())
    assert isinstance(one.x, np.ndarray)
    assert one.x.shape == (120,)


def test_a_kronecker_system_of_a_million_unknowns():
    factors = [torch.eye(100).double() * 3 + torch.rand(100, 100, generator=G, dtype=torch.float64) / 50] * 3
    K = Kronecker(*factors)
    x = 2 + torch.sin(torch.arange(1_000_000).double())
    s = solve(K, K @ x)
    assert s.status is Status.CONVERGED
    assert float((s.x - x).abs().max()) < 1e-11
    assert s.digits > 9


def test_a_singular_factor_gives_the_shortest_solution():
    flat = A.clone()
    flat[:, 0] = flat[:, 1]
    K = Kronecker(flat, B)
    b = 1 + torch.arange(20.0).double()
    s = solve(K, b)
    assert s.status is Status.ILL_POSED
    assert "factor 0 is singular" in s.message
    assert torch.allclose(s.x, torch.linalg.pinv(K.to_dense()) @ b, rtol=1e-8)


def test_factors_that_are_not_square_are_made_dense():
    K = Kronecker(A[:2], A[:, :2])
    s = solve(K, torch.ones(8).double())
    assert s.method in ("lu", "minimum-norm")
    if s.status is Status.CONVERGED:
        assert torch.allclose(K @ s.x, torch.ones(8).double())


def test_blocks_are_solved_one_by_one_and_the_worst_decides():
    blocks = BlockDiagonal(A, Identity(3), B @ B.mT)
    b = 3 + torch.arange(12.0).double()
    s = solve(blocks, b)
    assert s.method.startswith("blocks")
    assert torch.allclose(s.x, torch.linalg.solve(blocks.to_dense(), b), rtol=1e-11)
    assert s.status is Status.CONVERGED
    bad = solve(BlockDiagonal(A, Diagonal([1.0, 0.0])), torch.ones(6).double())
    assert bad.status is Status.ILL_POSED
    assert bad.digits == 0
    assert "block 1" in bad.message
    odd = solve(BlockDiagonal(A[:1, :2], A[:2, :1]), torch.ones(3).double())
    assert odd.status is Status.ILL_POSED


def test_the_bound_comes_out_false_on_a_wrong_solution(monkeypatch):
    monkeypatch.setattr(structured_solve, "_along", lambda factored, b: 2 * b)
    s = solve(Kronecker(A, B), torch.ones(20).double())
    assert [c.verdict for c in s.certificates] == ["no", "no"]
    assert s.status is Status.ILL_POSED


class Big(LinearOperator):
    def __init__(self, d):
        super().__init__((len(d), len(d)), positive=True)
        self.d = d

    def _matmat(self, X):
        return self.d[:, None] * X

    def _adjoint(self):
        return self


def test_a_factor_too_large_to_be_dense_is_iterated():
    d = 1 + torch.rand(4000, generator=G, dtype=torch.float64)
    s = solve(Kronecker(Big(d), Dense([[2.0]], positive=True)), d)
    assert s.method == "cg"
    assert torch.allclose(s.x, torch.full((4000,), 0.5).double(), rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-150, 1e100])
def test_scale_does_not_matter(scale):
    K = Kronecker(A * scale, B)
    x = X[:20, 0]
    assert torch.allclose(solve(K, K @ x).x, x, rtol=1e-10)


@pytest.mark.parametrize("n", [50, 4000])
@pytest.mark.parametrize("kind", ["random", "graded", "turned", "negative", "large", "indefinite"])
def test_low_rank_promises_nearly_all_digits_and_never_too_many(n, kind):
    rng = np.random.default_rng(n)
    d, U, w = 1 + rng.random(n), rng.standard_normal((n, 3)), np.array([1.0, 2.0, 0.5])
    d = rng.permutation(np.logspace(-5, 0, n)) if kind == "graded" else d
    d = d * rng.choice([-1, 1], n) if kind == "indefinite" else d
    V = rng.standard_normal((n, 3)) if kind == "turned" else U
    w = -0.3 * w if kind == "negative" else w
    U, V = (1e3 * U, 1e3 * V) if kind == "large" else (U, V)
    A = LowRankPlusDiagonal(d, U, V if kind == "turned" else None, weights=w)
    b = rng.standard_normal(n)
    s = solve(A, b)
    assert s.method == "woodbury"
    assert [c.verdict for c in s.certificates] == ["yes", "yes"]
    # Woodbury's formula in extended precision, refined there.
    D, P, Q, W, B = (np.asarray(t, np.longdouble) for t in (d, U, V, w, b))
    small = np.eye(3) + W[:, None] * (Q.T @ (P / D[:, None]))
    rough = np.linalg.inv(small.astype(float))

    def inverse(v):
        h = W * (Q.T @ (v / D))
        z = 0 * h
        for _ in range(5):
            z = z + rough @ (h - small @ z)
        return (v - P @ z) / D

    x = inverse(B)
    for _ in range(3):
        x = x + inverse(B - D * x - P @ (W * (Q.T @ x)))
    true = float(np.abs(s.x - x).max() / np.abs(s.x).max())
    # The reference keeps 64 bits: it can err by hundredths of the rounding that is left.
    assert true <= 1.02 * s.certificates[1].value + 2e-18
    assert s.digits > 11
