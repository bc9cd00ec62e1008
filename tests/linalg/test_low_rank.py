from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import LowRankPlusDiagonal, solve

G = torch.Generator().manual_seed(2)
D = 1 + torch.rand(30, generator=G, dtype=torch.float64)
U = 2 + torch.randn(30, 4, generator=G, dtype=torch.float64)
V = -1 + torch.randn(30, 4, generator=G, dtype=torch.float64)
W = torch.tensor([3.0, -0.5, 1.0, 2.0]).double()
CASES = {
    "positive": LowRankPlusDiagonal(D, U),
    "weighted": LowRankPlusDiagonal(D, U, weights=W.abs()),
    "indefinite": LowRankPlusDiagonal(D - 1.5, U, weights=W),
    "two factors": LowRankPlusDiagonal(D, U, V, weights=W),
    "zero weight": LowRankPlusDiagonal(D, U, weights=W * (W > 0)),
    "batch": LowRankPlusDiagonal(torch.stack([D, 2 * D]), U),
}


@pytest.mark.parametrize("name", CASES)
def test_inverse_and_determinant_against_dense(name):
    A = CASES[name]
    inverse = A.inverse()
    dense = A.to_dense()
    assert torch.allclose(inverse.to_dense(), torch.linalg.inv(dense), rtol=1e-9, atol=1e-11)
    assert inverse.symmetric == A.symmetric
    assert inverse.positive == A.positive
    sign, size = A.slogdet()
    want_sign, want = torch.linalg.slogdet(dense)
    assert torch.equal(sign, want_sign)
    assert torch.allclose(size, want, rtol=1e-12)


def test_logdet_and_its_refusal():
    assert torch.allclose(CASES["positive"].logdet(), torch.logdet(CASES["positive"].to_dense()))
    negative = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]], weights=[-3.0])
    assert negative.slogdet()[0].item() == -1
    with pytest.raises(NumericalError, match="positive determinant"):
        negative.logdet()


def exact(A, b):
    """The solution in rational arithmetic, by Woodbury's formula and Gauss-Jordan elimination."""
    d, w = ([Fraction(v) for v in t.tolist()] for t in (A.diagonal, A.weights))
    P, Q, B = ([[Fraction(v) for v in row] for row in t.tolist()] for t in (A.U, A.V, b))
    n, r, k = len(d), len(w), len(B[0])

    def inner(i, M, j):
        return sum((Q[s][i] * M[s][j] / d[s] for s in range(n)), Fraction(0))

    rows = [
        [(i == j) + w[i] * inner(i, P, j) for j in range(r)] + [w[i] * inner(i, B, j) for j in range(k)]
        for i in range(r)
    ]
    for i in range(r):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(r):
            if j != i:
                rows[j] = [a - rows[j][i] * c for a, c in zip(rows[j], rows[i], strict=True)]
    return [
        [(B[s][j] - sum(P[s][i] * rows[i][r + j] for i in range(r))) / d[s] for j in range(k)]
        for s in range(n)
    ]


def error_of(x, A, b):
    """The largest error of a column relative to its largest entry, exactly."""
    truth = exact(A, b)
    worst = 0.0
    for j in range(b.shape[1]):
        gap = max(abs(Fraction(x[i, j].item()) - truth[i][j]) for i in range(len(truth)))
        worst = max(worst, float(gap) / float(x[:, j].abs().max()))
    return worst


@pytest.mark.parametrize("name", ["positive", "weighted", "indefinite", "two factors"])
def test_solve_uses_the_structure_and_its_bound_covers_the_error(name):
    A = CASES[name]
    x = 5 + torch.arange(60.0).reshape(30, 2).double()
    s = solve(A, A @ x)
    assert s.method == "woodbury"
    assert s.status is Status.CONVERGED
    assert torch.allclose(s.x, x, rtol=1e-9)
    assert [c.holds for c in s.certificates] == [True, True]
    assert error_of(s.x, A, A @ x) <= s.certificates[1].value < 1e-15


def test_large_systems_in_products_alone():
    n = 100_000
    A = LowRankPlusDiagonal(1 + np.arange(n) / n, np.stack([np.ones(n), np.linspace(-1, 1, n)], 1))
    x = 3 + np.sin(np.arange(n))
    s = solve(A, A @ x)
    assert np.abs(s.x - x).max() < 1e-9
    assert s.digits > 12


def test_close_to_singular_the_bound_still_holds_and_a_zero_on_the_diagonal_is_made_dense():
    d = torch.full((30,), 1e-13).double()
    d[0] = -1e-13
    A = LowRankPlusDiagonal(d, U)
    b = torch.ones(30, 1).double()
    s = solve(A, b)
    assert s.condition > 1e13
    assert error_of(s.x, A, b) <= s.certificates[1].value < 1e-6
    zero = solve(LowRankPlusDiagonal([0.0, 1.0], [[1.0], [1.0]]), [2.0, 3.0])
    assert zero.method == "cholesky"
    assert zero.x.tolist() == pytest.approx([1.0, 1.0])


def test_dtype_and_gradients():
    single = LowRankPlusDiagonal(D.float(), U.float())
    assert single.inverse().dtype == torch.float32
    assert torch.allclose(
        single.inverse().to_dense().double(), torch.linalg.inv(single.to_dense().double()), atol=1e-5
    )
    weight = U.clone().requires_grad_()
    (LowRankPlusDiagonal(D, weight) @ torch.ones(30).double()).sum().backward()
    assert torch.allclose(weight.grad, 2 * U.sum(dim=0).expand_as(U))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LowRankPlusDiagonal([1.0, 2.0], [[1.0]]), r"U of shape \[..., 2, r\]"),
        (lambda: LowRankPlusDiagonal([1.0], [[1.0]], [[1.0, 2.0]]), "V in the shape of U"),
        (lambda: LowRankPlusDiagonal([1.0], [[1.0]], weights=[1.0, 2.0]), "1 weights"),
        (lambda: LowRankPlusDiagonal([1j], [[1.0]]), "real numbers"),
        (lambda: LowRankPlusDiagonal([float("nan")], [[1.0]]), "finite"),
        (lambda: LowRankPlusDiagonal([0.0, 1.0], [[1.0], [1.0]]).inverse(), "without zeros"),
        (lambda: LowRankPlusDiagonal([0.0, 1.0], [[1.0], [1.0]]).slogdet(), "without zeros"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_singular_is_refused():
    with pytest.raises(NumericalError, match="singular to rounding"):
        LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]], weights=[-1.0]).inverse()
    assert (
        solve(LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]], weights=[-1.0]), [1.0, 1.0]).status
        is Status.ILL_POSED
    )
