import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import Dense, Diagonal, LinearOperator, eig

G = torch.Generator().manual_seed(12)


def known(values, condition=1.0, seed=0):
    """A matrix with given eigenvalues (conjugate pairs as 2 x 2 blocks) in a basis of given condition."""
    rng = np.random.default_rng(seed)
    blocks = [
        np.array([[v.real, v.imag], [-v.imag, v.real]]) if v.imag else np.array([[v.real]]) for v in values
    ]
    n = sum(len(b) for b in blocks)
    T = np.zeros((n, n))
    at = 0
    for b in blocks:
        T[at : at + len(b), at : at + len(b)] = b
        at += len(b)
    left, _ = np.linalg.qr(rng.standard_normal((n, n)))
    right, _ = np.linalg.qr(rng.standard_normal((n, n)))
    V = left * np.logspace(0, np.log10(condition), n) @ right
    truth = [w for v in values for w in ([v, v.conjugate()] if v.imag else [v])]
    return V @ T @ np.linalg.inv(V), np.array(truth)


def nearest(found, truth):
    return np.abs(np.asarray(truth)[:, None] - np.asarray(found)[None]).min(axis=1).max()


def farthest(found, truth):
    """The largest distance of a true value to the nearest disc, in radii."""
    gap = np.abs(truth[:, None] - found.values[None]) - found.radii[None]
    return gap.min(axis=1).max()


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_values_and_discs_that_hold_the_truth(condition):
    values = [complex(v) for v in (3.0, -2.5, 1 + 2j, -0.5 + 0.25j, 0.1)]
    A, truth = known(values, condition)
    found = eig(A)
    assert [c.verdict for c in found.certificates] == ["yes", "yes", "yes"]
    assert nearest(found.values, truth) < 1e-13 * condition**1.5
    # The matrix itself was rounded: its eigenvalues moved by up to condition^2 u.
    assert farthest(found, truth) <= 1e-14 * condition**2
    assert found.radii.max() < 1e-11 * condition**1.5
    assert np.allclose(A @ found.vectors, found.vectors * found.values, atol=1e-9)
    estimate, low, high = found.spectral_radius
    assert low <= estimate <= high
    assert low <= 3.0 + 1e-9 * condition
    assert abs(found.abscissa[0] - 3.0) < 1e-12 * condition


def test_exact_triangular_matrices_lie_in_their_discs():
    rng = np.random.default_rng(3)
    for _ in range(20):
        T = np.triu(rng.integers(-8, 9, (7, 7)) * 1.0, 1) + np.diag(rng.permutation(15)[:7] - 7.0)
        found = eig(T)
        assert found.certificates[1].holds
        assert farthest(found, np.diag(T).astype(complex)) <= 0
        assert found.spectral_radius[1] <= np.abs(np.diag(T)).max() <= found.spectral_radius[2]
        assert found.abscissa[1] <= np.diag(T).max() <= found.abscissa[2]
        assert found.abscissa[2] - found.abscissa[1] < 1e-8


def test_agrees_with_scipy_and_orders():
    A = torch.randn(60, 60, generator=G, dtype=torch.float64)
    want = np.linalg.eigvals(A.numpy())
    found = eig(A.numpy(), 10)
    assert np.allclose(np.abs(found.values), np.sort(np.abs(want))[::-1][:10], rtol=1e-10)
    right = eig(A.numpy(), 10, which="real")
    assert np.allclose(right.values.real, np.sort(want.real)[::-1][:10], rtol=1e-10)
    assert float(found.residual_norms.max()) < 1e-12
    pairs = found.values[found.values.imag != 0]
    assert len({round(abs(complex(v)), 8) for v in pairs}) <= (len(pairs) + 1) // 2


def test_a_defective_matrix_is_said_to_be():
    # Whole numbers throughout, so that the matrix is defective exactly: one Jordan block for the value 1.
    def jordan(n):
        U = np.eye(n) + np.diag(np.ones(n - 1), -1)
        return np.round(U @ (np.eye(n) + np.diag(np.ones(n - 1), 1)) @ np.linalg.inv(U))

    small = eig(jordan(6))
    assert (np.abs(small.values - 1) <= small.radii).all()
    assert small.radii.max() > 1e-3
    found = eig(jordan(20))
    assert found.status is Status.ILL_POSED
    assert not found.radii.max() < 0.1
    assert "dependent" in found.message
    assert found.spectral_radius[1] <= 1 <= found.spectral_radius[2]
    exact = eig([[0.0, 1.0], [0.0, 0.0]])
    assert exact.spectral_radius[2] <= 1 + 1e-14


def test_values_are_right_almost_to_the_last_digit_and_discs_not_much_wider():
    # Whole numbers with a known spectrum in an ill-conditioned basis of whole numbers.
    rng = np.random.default_rng(5)
    for n, size in ((4, 9), (8, 3), (12, 2)):
        L = np.tril(rng.integers(-size, size + 1, (n, n)), -1) + np.eye(n, dtype=int)
        inverse = np.round(np.linalg.inv(L)).astype(int)
        assert (L @ inverse == np.eye(n, dtype=int)).all()
        truth = rng.permutation(np.arange(1, n + 1))
        A = L @ (np.diag(truth) + np.triu(rng.integers(-2, 3, (n, n)), 1)) @ inverse
        assert np.abs(A).max() < 2**53
        found = eig(A)
        assert found.certificates[1].holds
        gap = np.abs(found.values - np.sort(truth)[::-1])
        assert (gap <= found.radii).all()
        assert gap.max() <= 2e-15 * n
        assert found.radii.max() < 1e-14 * n


def test_arnoldi_finds_the_same_values():
    A, _ = known([complex(v) for v in (8.0, -7.0, 6 + 3j, *(np.linspace(-3, 3, 150)))], 10.0)
    dense, few = eig(A, 4), eig(A, 4, method="arnoldi")
    assert few.method == "arnoldi"
    assert few.status is Status.CONVERGED
    assert nearest(few.values, dense.values) < 1e-7
    assert [c.verdict for c in few.certificates] == ["yes", "unknown", "unknown"]
    assert few.vector_condition is None
    assert few.spectral_radius[2] == np.inf
    real = eig(A, 3, which="real", method="arnoldi")
    assert np.allclose(real.values.real, [8, 6, 6], atol=1e-7)


class Drift(LinearOperator):
    def __init__(self):
        super().__init__((50, 50))
        self.count = 0

    def _matmat(self, X):
        self.count += 1
        return (torch.arange(50.0).double() + 0.1 * self.count)[:, None] * X

    def _adjoint(self):
        return self


def test_an_operator_that_changes_is_not_certified():
    found = eig(Drift(), 2, method="arnoldi")
    assert not found.status.succeeded
    assert found.certificates[0].holds is False


def test_tensors_and_float32():
    found = eig(Dense(torch.diag(torch.tensor([2.0, -3.0]))))
    assert found.values.dtype == torch.complex128
    assert found.values.real.tolist() == [-3, 2]
    assert eig(Diagonal([0.0])).spectral_radius[0] == 0


def test_lapack_failures_become_errors(monkeypatch):
    def fail(M):
        raise RuntimeError("did not converge")

    monkeypatch.setattr(torch.linalg, "eig", fail)
    with pytest.raises(NumericalError, match="did not converge"):
        eig([[1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eig(torch.ones(2, 3)), "square"),
        (lambda: eig(torch.eye(2), 3), "k between"),
        (lambda: eig(torch.eye(2), which="small"), "which"),
        (lambda: eig(torch.eye(2), method="qr"), "a method"),
        (lambda: eig(torch.eye(2), tolerance=2.0), "tolerance"),
        (lambda: eig([[float("inf")]]), "finite"),
        (lambda: eig([[1j]]), "real numbers"),
        (lambda: eig(torch.ones(0, 0)), "nonempty"),
        (lambda: eig(Diagonal(torch.ones(200_000)), method="dense"), "GiB of free memory"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
