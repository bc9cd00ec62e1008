import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, Diagonal, Identity, LinearOperator, eigh
from fivefold.linalg.eigen import orthonormality, positive_peak


class Laplacian(LinearOperator):
    """Second difference with fixed ends, shifted by c; its eigenvalues are known in closed form."""

    def __init__(self, n, c=0.0, dtype=torch.float64):
        super().__init__((n, n), symmetric=True, dtype=dtype)
        self.c = c

    def _matmat(self, X):
        pad = torch.zeros_like(X[..., :1, :])
        up = torch.cat([X[..., 1:, :], pad], -2)
        down = torch.cat([pad, X[..., :-1, :]], -2)
        return (2 + self.c) * X - up - down

    def _adjoint(self):
        return self


def laplacian_values(n, c=0.0):
    j = np.arange(n, 0, -1)
    return c + 2 - 2 * np.cos(np.pi * j / (n + 1))


@pytest.mark.parametrize("shift", [0.0, 100.0])
@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_dense_against_the_closed_form(shift, which):
    truth = laplacian_values(30, shift)
    e = eigh(Laplacian(30, shift), 5, which=which)
    assert e.method == "dense"
    wanted = truth[:5] if which == "largest" else truth[::-1][:5]
    assert np.allclose(e.values, wanted, rtol=1e-13, atol=1e-13)
    assert [c.verdict for c in e.certificates] == ["yes"] * 4


@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_lanczos_against_the_dense_method(which):
    n = 300
    g = torch.Generator().manual_seed(0)
    Q = torch.linalg.qr(torch.randn(n, n, generator=g, dtype=torch.float64)).Q
    values = torch.cat([torch.tensor([50.0, 50.0, 40.0, -60.0]), torch.linspace(-1, 1, n - 4)]).double()
    A = (Q * values) @ Q.mT
    A = 7 * torch.eye(n) + (A + A.mT) / 2
    lanczos, dense = (eigh(A, 3, which=which, method=m) for m in ("lanczos", "dense"))
    assert lanczos.method == "lanczos"
    assert lanczos.status is Status.CONVERGED
    assert torch.allclose(lanczos.values, dense.values, rtol=1e-10)
    assert torch.allclose(A @ lanczos.vectors, lanczos.vectors * lanczos.values, atol=1e-7)
    assert [c.verdict for c in lanczos.certificates][:3] == ["yes", "yes", "unknown"]


def test_auto_takes_lanczos_for_large_operators():
    d = torch.arange(1.0, 3001.0).double().sqrt()
    d[-2:] = torch.tensor([80.0, 90.0])
    e = eigh(Diagonal(d) + 0.0 * Identity(3000), 2)
    assert e.method == "lanczos"
    assert torch.allclose(e.values, torch.tensor([90.0, 80.0]).double(), rtol=1e-12)


def test_budget_is_a_status_and_the_residual_certificate_false():
    e = eigh(Laplacian(2000), 3, budget=Budget(steps=2))
    assert e.status is Status.OUT_OF_BUDGET
    assert e.certificates[0].holds is False
    assert "tolerance" in e.message
    # Even then an eigenvalue lies within each residual norm.
    truth = laplacian_values(2000)
    for value, norm in zip(e.values.tolist(), e.residual_norms.tolist(), strict=True):
        assert np.abs(truth - value).min() <= norm * (1 + 1e-9)


def test_multiple_eigenvalues_leave_the_space_undetermined():
    e = eigh(torch.eye(4, dtype=torch.float64), 2)
    assert e.certificates[3].holds is False
    ones = eigh(Identity(5), 5, method="lanczos").values
    assert torch.allclose(ones, torch.ones(5).double(), rtol=1e-14)


def test_a_wrong_adjoint_claim_shows_in_the_residual():
    class Skew(LinearOperator):
        def __init__(self):
            super().__init__((2, 2), symmetric=True)

        def _matmat(self, X):
            return torch.stack([X[1], -X[0]])

        def _adjoint(self):
            return self

    e = eigh(Skew())
    assert e.certificates[0].holds is False
    assert e.status is Status.STALLED


def test_structure_kinds_and_signs():
    e = eigh(Diagonal([1.0, 3.0, -2.0]), 2)
    assert e.method == "diagonal"
    assert e.values.tolist() == [3.0, 1.0]
    e = eigh(np.array([[2.0, -1.0], [-1.0, 2.0]], np.float32))
    assert e.values.dtype == np.float32
    assert np.allclose(e.values, [3, 1], rtol=1e-6)
    assert (e.vectors[np.abs(e.vectors).argmax(0), [0, 1]] > 0).all()
    low = eigh(Laplacian(1500, 5.0, torch.float32) + Diagonal(torch.eye(1500)[0] * 9), 1)
    assert low.method == "lanczos"
    assert low.status is Status.CONVERGED


def test_orthonormality_comes_out_false():
    assert orthonormality(torch.ones(2, 2), "V").holds is False
    assert positive_peak(torch.zeros(2, 1)).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eigh(np.ones((2, 3))), "square"),
        (lambda: eigh([[1.0, 2.0], [0.0, 1.0]]), "symmetric matrix"),
        (lambda: eigh(Dense(np.eye(2)) @ Dense(np.eye(2))), "symmetric operator"),
        (lambda: eigh(np.eye(2), 3), "k between 1 and 2"),
        (lambda: eigh(np.eye(2), 0), "k between 1 and 2"),
        (lambda: eigh([[np.nan]]), "finite"),
        (lambda: eigh(np.eye(2), which="middle"), "which"),
        (lambda: eigh(np.eye(2), method="magic"), "method"),
        (lambda: eigh(np.eye(2), tolerance=2.0), "tolerance"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
