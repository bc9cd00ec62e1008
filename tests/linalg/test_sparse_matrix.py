import numpy as np
import pytest
import scipy.sparse
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Sparse, cg, solve
from fivefold.linalg.preconditioners import exact_diagonal

M = np.array([[2.0, 0.0, -1.0], [4.0, 3.0, 0.0]])


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")  # torch's own, where the tensor is made
@pytest.mark.parametrize(
    "make",
    [
        lambda: scipy.sparse.csr_array(M),
        lambda: scipy.sparse.coo_matrix(M),
        lambda: torch.from_numpy(M).to_sparse_csr(),
        lambda: torch.from_numpy(M).to_sparse(),
    ],
)
def test_products_and_adjoint_against_dense(make):
    A = Sparse(make())
    X = 5 + torch.arange(6.0).reshape(3, 2).double()
    assert torch.equal(A.to_dense(), torch.from_numpy(M))
    assert torch.equal(A @ X, torch.from_numpy(M) @ X)
    assert torch.equal(A.H.to_dense(), torch.from_numpy(M.T))
    batch = torch.stack([X, 2 * X])
    assert torch.equal(A @ batch, torch.from_numpy(M) @ batch)
    assert A.entries == 4
    assert isinstance(A @ X.numpy(), np.ndarray)


def test_dtypes_and_solving():
    assert Sparse(scipy.sparse.csr_array(M.astype(np.float32))).dtype == torch.float32
    assert Sparse(scipy.sparse.csr_array(M.astype(np.int64))).dtype == torch.float64
    S = scipy.sparse.diags_array([-1.0, 2.5, -1.0], offsets=[-1, 0, 1], shape=(4000, 4000))
    A = Sparse(S, positive=True)
    b = np.sin(np.arange(4000.0))
    assert torch.equal(exact_diagonal(A), torch.full((4000,), 2.5).double())
    found = solve(A, b)
    assert found.method == "cg"
    assert np.allclose(S @ found.x, b, atol=1e-8)
    assert cg(A, b, preconditioner="jacobi").steps <= cg(A, b).steps


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Sparse(M), "a sparse matrix of SciPy"),
        (lambda: Sparse(torch.from_numpy(M)), "a sparse tensor"),
        (lambda: Sparse(scipy.sparse.csr_array(M * 1j)), "real numbers"),
        (lambda: Sparse(scipy.sparse.csr_array(M / 0.0 * np.sign(M))), "finite numbers"),
        (lambda: Sparse(scipy.sparse.csr_array([[1.0, 2.0], [0.0, 1.0]]), symmetric=True), "a symmetric"),
        (lambda: Sparse(scipy.sparse.csr_array((0, 3))), "positive sizes"),
    ],
)
def test_bad_input_is_refused(call, message):
    with np.errstate(all="ignore"), pytest.raises(ArgumentError, match=message):
        call()
