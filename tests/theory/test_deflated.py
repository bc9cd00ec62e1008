"""What is left of an operator outside known directions."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Diagonal
from fivefold.theory.deflated import Deflated


def test_it_equals_the_dense_projection() -> None:
    torch.manual_seed(0)
    M = torch.randn(9, 9, dtype=torch.float64)
    A = M + M.mT
    Q = torch.linalg.qr(torch.randn(9, 3, dtype=torch.float64)).Q
    P = torch.eye(9, dtype=torch.float64) - Q @ Q.mT
    found = Deflated(Dense(A, symmetric=True), Q)
    assert torch.allclose(found.to_dense(), P @ A @ P, atol=1e-13)
    assert torch.allclose(found.H @ torch.ones(9).double(), P @ A @ P @ torch.ones(9).double(), atol=1e-13)
    assert float(found.to_dense().trace()) == pytest.approx(float(A.trace() - (Q.mT @ A @ Q).trace()))


def test_rounding_is_nothing() -> None:
    A = Diagonal(torch.tensor([1e8, 1e-12, 1e-12]).double())
    Q = torch.eye(3, dtype=torch.float64)[:, :1]
    assert float(Deflated(A, Q).to_dense().abs().max()) > 0
    assert float(Deflated(A, Q, 1e8).to_dense().abs().max()) == 0


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="symmetric"):
        Deflated(Dense(torch.tensor([[1.0, 2.0], [0.0, 1.0]])), torch.eye(2)[:, :1])
    with pytest.raises(ArgumentError, match="Q of shape"):
        Deflated(Diagonal([1.0, 2.0]), torch.eye(3))
