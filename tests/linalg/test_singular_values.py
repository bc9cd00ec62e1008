import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Kind, Status
from fivefold.linalg import DataMatrix, Dense, Identity, svd

G = torch.Generator().manual_seed(3)
A = 3 + torch.randn(25, 8, generator=G, dtype=torch.float64)


def low_rank(m, n, values, seed=0):
    g = torch.Generator().manual_seed(seed)
    k = len(values)
    U = torch.linalg.qr(torch.randn(m, k, generator=g, dtype=torch.float64)).Q
    V = torch.linalg.qr(torch.randn(n, k, generator=g, dtype=torch.float64)).Q
    return (U * torch.as_tensor(values, dtype=torch.float64)) @ V.mT


@pytest.mark.parametrize("matrix", [A, A.mT])
@pytest.mark.parametrize("k", [None, 3])
def test_dense(matrix, k):
    s = svd(matrix, k)
    truth = np.linalg.svd(matrix.numpy(), compute_uv=False)[: len(s.values)]
    assert np.allclose(s.values, truth, rtol=1e-13)
    assert torch.allclose(matrix @ s.V, s.U * s.values, atol=1e-12)
    assert torch.allclose(matrix.mT @ s.U, s.V * s.values, atol=1e-12)
    assert [c.verdict for c in s.certificates] == ["yes"] * 4
    assert s.status is Status.CONVERGED


def test_krylov_against_dense_with_a_proof_that_nothing_was_missed():
    values = np.concatenate([[100, 99, 50, 50, 20], 1e-3 * 0.9 ** np.arange(60)])
    M = low_rank(300, 200, values) + 0
    run = svd(M, 5, method="krylov")
    assert run.method == "krylov"
    assert run.status is Status.CONVERGED
    assert np.allclose(run.values, values[:5], rtol=1e-12)
    assert [c.verdict for c in run.certificates] == ["yes"] * 4
    flat = svd(A, 2, method="krylov")
    assert flat.certificates[3].kind is Kind.STATISTICAL  # the rest weighs more than the smallest returned
    assert flat.certificates[3].value >= torch.linalg.svdvals(A)[2]
    close = svd(low_rank(60, 50, [2.0, 1.0, 0.999, 0.9]), 2, method="krylov")
    assert close.certificates[3].holds is True  # the space holds all four, and little lies outside of it
    lazy = svd(Dense(M) @ Identity(200), 5, method="krylov")
    assert lazy.certificates[3].kind is Kind.STATISTICAL
    assert lazy.certificates[3].holds
    assert torch.allclose(lazy.values, run.values, rtol=1e-10)


def test_krylov_beyond_the_rank_fills_with_zeros():
    M = low_rank(60, 50, [3.0, 2.0])
    run = svd(M, 5, method="krylov")
    assert np.allclose(run.values, [3, 2, 0, 0, 0], atol=1e-13)
    assert run.certificates[1].holds
    assert run.certificates[2].holds
    zero = svd(torch.zeros(20, 10), 3, method="krylov")
    assert zero.values.tolist() == [0, 0, 0]
    assert zero.status is Status.CONVERGED


def test_auto_takes_krylov_for_large_matrices():
    values = 10.0 ** -np.arange(6.0)
    run = svd(low_rank(1300, 1100, values), 3)
    assert run.method == "krylov"
    assert np.allclose(run.values, values[:3], rtol=1e-10)


def test_budget_is_a_status_and_the_residual_certificate_false():
    M = torch.randn(400, 300, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    run = svd(M, 10, method="krylov", budget=Budget(steps=0))
    assert run.status is Status.OUT_OF_BUDGET
    assert run.certificates[0].holds is False
    truth = torch.linalg.svdvals(M)
    for value, norm in zip(run.values, run.residual_norms, strict=True):
        assert float((truth - value).abs().min()) <= float(norm)


def test_batches():
    run = svd(DataMatrix([A[:3], A[3:20], A[20:]]), 4)
    assert run.method == "batches"
    assert torch.allclose(run.values, torch.linalg.svdvals(A)[:4], rtol=1e-13)
    assert run.status is Status.CONVERGED


def test_batches_of_deficient_rank_do_not_hide_that_u_is_noise():
    M = low_rank(30, 4, [1.0, 0.5, 0.2])
    run = svd(DataMatrix([M[:10], M[10:]]))
    assert run.certificates[1].holds is False
    assert run.status is Status.ILL_POSED
    assert "U" in run.message


def test_scale_kind_and_dtype():
    base = svd(A, 2)
    for c in (1e-150, 1e150):
        assert torch.allclose(svd(c * A, 2).values / c, base.values, rtol=1e-12)
    run = svd(A.float().numpy(), 2)
    assert run.U.dtype == np.float32
    assert isinstance(run.V, np.ndarray)
    low = svd(A.float(), 2, method="krylov")
    assert torch.allclose(low.values.double(), base.values, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: svd(A, 9), "k between 1 and 8"),
        (lambda: svd(A, 0), "k between 1 and 8"),
        (lambda: svd(torch.ones(3)), "matrix"),
        (lambda: svd(torch.ones(2, 3, 3)), "one matrix"),
        (lambda: svd([[np.inf]]), "finite"),
        (lambda: svd(A, method="magic"), "method"),
        (lambda: svd(A, tolerance=-1.0), "tolerance"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_few_values_of_a_tall_matrix_come_from_its_products():
    generator = torch.Generator().manual_seed(3)
    A = (
        torch.randn(50_000, 100, generator=generator, dtype=torch.float64)
        * torch.logspace(0, -1, 100).double()
    )
    run, whole = svd(A, 5), torch.linalg.svdvals(A)
    assert run.method == "products"
    assert run.status is Status.CONVERGED
    torch.testing.assert_close(run.values, whole[:5], rtol=1e-12, atol=0)
    assert all(c.holds for c in run.certificates)
    graded = A * torch.logspace(0, -9, 100).double() ** 2
    # here the products would lose the fifth value
    assert svd(graded[:, ::20].repeat(1, 10)[:, :25], 5).method == "dense"
