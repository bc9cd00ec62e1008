import numpy as np
import pytest
import scipy.linalg
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import Dense, lu, lu_factor

G = torch.Generator().manual_seed(14)
A = 2 + torch.randn(3, 12, 12, generator=G, dtype=torch.float64)
B = 5 + torch.randn(3, 12, 2, generator=G, dtype=torch.float64)


def test_factors_solve_and_determinant_of_a_batch():
    f = lu(A)
    rows = torch.gather(A, 1, f.order[..., None].expand_as(A))
    assert torch.allclose(rows, f.L @ f.U, rtol=1e-12)
    assert torch.equal(f.L.triu(1), torch.zeros_like(A))
    assert torch.allclose(f.solve(B), torch.linalg.solve(A, B), rtol=1e-10)
    sign, size = f.slogdet()
    want = torch.linalg.slogdet(A)
    assert torch.equal(sign, want.sign)
    assert torch.allclose(size, want.logabsdet)
    assert [c.verdict for c in f.certificates] == ["yes", "yes"]
    ratio = f.condition / torch.linalg.cond(A, 1)
    assert bool((ratio <= 1 + 1e-9).all() and (ratio > 1 / 3).all())


def test_as_scipy_in_numpy():
    M = A[0].numpy()
    f = lu(M)
    P, L, U = scipy.linalg.lu(M)
    assert np.allclose(f.L, L)
    assert np.allclose(f.U, U)
    assert np.array_equal(f.order, P.argmax(axis=0))
    assert isinstance(f.solve(np.ones(12)), np.ndarray)
    assert lu(Dense(A[0].float())).U.dtype == torch.float32


def test_singular_and_nearly_singular():
    f = lu([[1.0, 2.0], [2.0, 4.0]])
    assert f.status is Status.ILL_POSED
    assert "exactly zero" in f.message
    assert f.slogdet()[0] == 0
    assert f.slogdet()[1] == -np.inf
    with pytest.raises(NumericalError, match="regular matrix"):
        f.solve([1.0, 2.0])
    H = scipy.linalg.hilbert(14)
    assert lu(H).status is Status.ILL_POSED
    assert lu(H).certificates[1].holds is False
    assert lu(np.zeros((2, 2))).status is Status.ILL_POSED


def test_growth_of_the_worst_case():
    n = 20
    W = np.eye(n) - np.tril(np.ones((n, n)), -1)
    W[:, -1] = 1
    assert lu(W).growth == 2 ** (n - 1)


def test_wrong_factors_come_out_false(monkeypatch):
    good = torch.lu_unpack
    monkeypatch.setattr(
        lu_factor.torch, "lu_unpack", lambda *a: (good(*a)[0], good(*a)[1], good(*a)[2] * 1.01)
    )
    assert lu(A).certificates[0].holds is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lu(torch.ones(2, 3)), "square"),
        (lambda: lu([[float("nan")]]), "finite"),
        (lambda: lu([[1j]]), "real numbers"),
        (lambda: lu(torch.ones(0, 0)), "nonempty"),
        (lambda: lu(A[0]).solve(torch.ones(3)), "b with 12 rows"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
