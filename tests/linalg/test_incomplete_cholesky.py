import numpy as np
import pytest
import scipy.sparse
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import Dense, IncompleteCholesky, Sparse, cg, incomplete_cholesky


def poisson(m):
    T = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(m, m))
    eye = scipy.sparse.eye_array(m)
    return scipy.sparse.csr_array(scipy.sparse.kron(T, eye) + scipy.sparse.kron(eye, T))


def by_rows(A, shift):
    """IC(0) as textbooks write it (Golub and Van Loan, section 11.5.8); None where it breaks down."""
    n, L = len(A), np.zeros_like(A)
    for j in range(n):
        pivot = A[j, j] + shift - L[j, :j] @ L[j, :j]
        if pivot <= 0:
            return None
        L[j, j] = pivot**0.5
        for i in range(j + 1, n):
            if A[i, j]:
                L[i, j] = (A[i, j] - L[i, :j] @ L[j, :j]) / L[j, j]
    return L


def test_the_sweeps_end_at_the_incomplete_factor(monkeypatch):
    monkeypatch.setattr(incomplete_cholesky, "_SETTLED", 1e-14)
    rng = np.random.default_rng(0)
    B = scipy.sparse.random_array((60, 60), density=0.08, rng=rng)
    for A in (poisson(7), scipy.sparse.csr_array(B @ B.T + 0.5 * scipy.sparse.eye_array(60))):
        M = IncompleteCholesky(Sparse(A, positive=True))
        scale = 1 / np.sqrt(A.diagonal())
        want = by_rows(A.toarray() * scale[:, None] * scale, M.shift)
        assert np.allclose(M.factor.toarray(), want, atol=1e-12)
        inverse = np.linalg.inv(want @ want.T) * scale[:, None] * scale
        assert np.allclose(M.to_dense().numpy(), inverse, atol=1e-10)
        batch = torch.ones(2, A.shape[0], 1).double()
        assert torch.allclose((M @ batch)[1, :, 0], torch.from_numpy(inverse.sum(1)), atol=1e-10)
        assert M.adjoint() is M


def test_it_cuts_the_steps_of_a_poisson_problem():
    A = Sparse(poisson(80), positive=True)
    b = A @ torch.sin(torch.arange(6400.0).double())
    plain = cg(A, b, tolerance=1e-8)
    helped = cg(A, b, preconditioner="incomplete-cholesky", tolerance=1e-8)
    assert helped.status is Status.CONVERGED
    assert 2.5 * helped.steps < plain.steps
    assert float((A @ helped.x - b).norm() / b.norm()) < 1e-7


def test_a_breakdown_is_met_with_a_shift():
    # Kershaw's matrix (J. Comput. Phys. 26, 1978): positive definite, and IC(0) breaks down.
    K = np.array([[3.0, -2, 0, 2], [-2, 3, -2, 0], [0, -2, 3, -2], [2, 0, -2, 3]])
    assert np.linalg.eigvalsh(K)[0] > 0
    assert by_rows(K / 3, 0.0) is None
    M = IncompleteCholesky(Sparse(scipy.sparse.csr_array(K), positive=True))
    assert 0 < M.shift < 1
    assert np.linalg.eigvalsh(M.to_dense().numpy())[0] > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: IncompleteCholesky(Sparse(poisson(3))), ArgumentError, "a symmetric matrix"),
        (
            lambda: cg(Dense(np.eye(2)), [1.0, 2.0], preconditioner="incomplete-cholesky"),
            ArgumentError,
            "sparse",
        ),
        (
            lambda: IncompleteCholesky(Sparse(-poisson(3), symmetric=True)),
            NumericalError,
            "not positive",
        ),
        (
            lambda: IncompleteCholesky(
                Sparse(scipy.sparse.csr_array([[1.0, 9.0], [9.0, 1.0]]), symmetric=True)
            ),
            NumericalError,
            "with a shift below 1",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_nearly_dense_matrix_is_refused(monkeypatch):
    monkeypatch.setattr(incomplete_cholesky, "_PAIRS", 10)
    with pytest.raises(ArgumentError, match="pairs in its columns"):
        IncompleteCholesky(Sparse(poisson(4), positive=True))
