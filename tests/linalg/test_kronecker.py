import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Kronecker, logdet
from fivefold.linalg.kronecker import along_axes

G = torch.Generator().manual_seed(4)
A, B, C = (2 + torch.randn(n, n, generator=G, dtype=torch.float64) for n in (3, 4, 5))
DENSE = torch.kron(torch.kron(A, B), C)


def test_products_agree_with_numpy():
    x = 1 + torch.arange(60.0).double()
    want = np.kron(np.kron(A.numpy(), B.numpy()), C.numpy()) @ x.numpy()
    assert np.allclose((Kronecker(A, B, C) @ x).numpy(), want, rtol=1e-13)
    assert torch.allclose(
        Kronecker(A, B) @ (Kronecker(A, B).H @ x[:12]), torch.kron(A @ A.mT, B @ B.mT) @ x[:12]
    )


def test_a_batch_of_matrices():
    X = torch.randn(2, 7, 60, 3, generator=G, dtype=torch.float64)
    assert torch.allclose(along_axes(Kronecker(A, B, C).factors, X), DENSE @ X, rtol=1e-10)


def test_determinant():
    sign, size = Kronecker(A, B, C).slogdet()
    want_sign, want = torch.linalg.slogdet(DENSE)
    assert torch.equal(sign, want_sign)
    assert torch.allclose(size, want, rtol=1e-11)


def test_size_is_said_before_memory_is_taken():
    huge = Kronecker(*[torch.eye(100)] * 4)
    assert huge.shape == (100**4, 100**4)
    with pytest.raises(ArgumentError, match=r"GiB of free memory; got one of 3725290\d\.\d GiB"):
        huge.to_dense()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (Kronecker, "at least one factor"),
        (lambda: Kronecker(torch.ones(2, 3, 3)), "without batch"),
        (lambda: Kronecker(torch.ones(2, 3)).slogdet(), "square factors"),
        (lambda: Kronecker(1j * torch.ones(2, 3)), "real numbers"),
        (lambda: Kronecker([[float("nan")]]), "finite"),
        (lambda: Kronecker(torch.ones(0, 3)), "nonempty"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_plain_arrays_that_are_symmetric_are_seen_to_be():
    S, T = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[2.0, 1.0], [1.0 + 1e-15, 3.0]])
    assert Kronecker(S, S).symmetric
    assert not Kronecker(S, S).positive
    assert not Kronecker(S, T).symmetric
    assert not Kronecker(S, np.ones((2, 3))).symmetric
    assert abs(logdet(Kronecker(S, S)).value - 4 * np.log(5.0)) < 1e-10
