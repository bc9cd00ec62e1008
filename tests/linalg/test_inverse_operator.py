import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, NumericalError, Status
from fivefold.linalg import (
    Dense,
    Diagonal,
    Identity,
    Inverse,
    Kronecker,
    LowRankPlusDiagonal,
    dense_solve,
    inverse,
)

G = torch.Generator().manual_seed(6)
A = torch.randn(20, 20, generator=G, dtype=torch.float64) + 5 * torch.eye(20)


def test_products_are_certified_solves():
    B = inverse(A)
    X = 3 + torch.randn(2, 20, 3, generator=G, dtype=torch.float64)
    assert B.last is None
    assert torch.allclose(B @ X, torch.linalg.solve(A, X), rtol=1e-11)
    assert B.last.status is Status.CONVERGED
    assert [c.verdict for c in B.last.certificates] == ["yes", "yes"]
    assert B.products == 1
    assert torch.allclose(B.H @ X, torch.linalg.solve(A.mT, X), rtol=1e-11)


def test_the_factor_is_made_once(monkeypatch):
    made = []
    original = dense_solve.DenseFactor.__init__

    def counted(self, matrix):
        made.append(1)
        original(self, matrix)

    monkeypatch.setattr(dense_solve.DenseFactor, "__init__", counted)
    B = inverse(A)
    assert made == []
    for _ in range(3):
        B @ torch.ones(20).double()
    assert made == [1]


def test_the_inverse_of_an_inverse_and_of_products():
    assert inverse(inverse(Dense(A))).to_dense() is not None
    S = Dense(A @ A.mT, positive=True)
    assert inverse(inverse(S)) is S
    assert inverse(S).positive
    both = inverse(Dense(A) @ S)
    assert torch.allclose(both.to_dense(), torch.linalg.inv(A @ A @ A.mT), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        (Diagonal([2.0, 4.0]), "diagonal"),
        (Identity(3), "diagonal"),
        (Kronecker(A[:3, :3], A[:2, :2]), "kronecker"),
        (LowRankPlusDiagonal(torch.ones(20), A[:, :2]), "woodbury"),
    ],
)
def test_structure_is_used(operator, method):
    B = inverse(operator)
    assert torch.allclose(B.to_dense(), torch.linalg.inv(operator.to_dense()), rtol=1e-10, atol=1e-12)
    assert B.last.method == method


def test_iterative_solves_carry_their_residual():
    S = Dense(A @ A.mT, positive=True)
    B = inverse(S, method="cg", preconditioner="jacobi", tolerance=1e-12)
    x = B @ torch.ones(20).double()
    assert torch.allclose(S @ x, torch.ones(20).double(), atol=1e-9)
    assert B.last.method == "cg"
    assert B.H is B
    short = inverse(S, method="cg", budget=Budget(steps=1))
    with pytest.raises(NumericalError, match="out of budget"):
        short @ torch.ones(20).double()
    assert short.last.status is Status.OUT_OF_BUDGET


def test_a_singular_matrix_raises_at_the_product_and_not_before():
    B = inverse([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(NumericalError, match="singular to rounding"):
        B @ np.ones(2)
    assert B.last.status is Status.ILL_POSED


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inverse(torch.ones(2, 3)), "square"),
        (lambda: inverse(torch.ones(3, 2, 2)), "one matrix"),
        (lambda: inverse([[float("nan")]]), "finite"),
        (lambda: inverse([[1j]]), "real numbers"),
        (lambda: Inverse(Identity(2), tolerance=0.0), "positive tolerance"),
        (lambda: inverse(torch.eye(2), method="magic") @ [1.0, 1.0], "a method of"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
