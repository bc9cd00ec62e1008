"""What preconditioners and certificates ask of a linear model's curvature, over rows in batches."""

import pytest
import torch

from fivefold.objective import DataObjective, Linear
from fivefold.objective.gram import CHUNK
from fivefold.probability import Bernoulli, Categorical, GaussianPrior

SAME = {"rtol": 1e-11, "atol": 1e-12}
"""Sums of 23 float64 terms in another order."""


def objective(small, likelihood, how):
    X, y = small.data(likelihood)
    model, prior = Linear(X, outputs=likelihood.outputs), GaussianPrior(1.5)
    if how == "streamed":
        return DataObjective(model, likelihood, lambda: [(X[:9], y[:9]), (X[9:], y[9:])], prior), X
    return DataObjective(model, likelihood, (X, y), prior, batch=5 if how == "batches" else None), X


@pytest.mark.parametrize("how", ["whole", "batches", "streamed"])
@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(3)])
def test_structure_for_preconditioners_and_certificates(small, likelihood, how):
    F, X = objective(small, likelihood, how)
    n, K = F.rows, likelihood.outputs
    w = small.points(F)
    H = F.hessian(w)
    D = likelihood.curvature(F.predictor(w), torch.zeros(n)) / n
    D = D.reshape(n, K, K)
    design = torch.cat([X, torch.ones(n, 1, dtype=torch.float64)], dim=1)
    t = D.diagonal(dim1=1, dim2=2).sum(1)
    C, A = H.kronecker()
    torch.testing.assert_close(C, D.sum(0), **SAME)
    torch.testing.assert_close(A, torch.einsum("i,ij,ik->jk", t, design, design) / t.sum(), **SAME)
    torch.testing.assert_close(H.ridge, F.prior.curvature(w) / n, rtol=0, atol=0)
    if K > 1:
        least = D.diagonal(dim1=1, dim2=2).amin(1)
        expected = torch.einsum("i,ij,ik->jk", least, design, design)
        torch.testing.assert_close(H.least_between_classes(), expected, **SAME)


@pytest.mark.parametrize("how", ["whole", "batches", "streamed"])
def test_the_product_of_the_two_is_the_datas_share_at_zero(small, how):
    F, _ = objective(small, Categorical(3), how)
    H = F.hessian(F.initial)
    C, A = H.kronecker()
    # rows are independent of the class at w = 0, so that C (x) A is exact, in the order class, column
    blocks = torch.kron(C, A).reshape(3, 5, 15)
    inner = F.model.from_blocks(blocks.permute(2, 0, 1))
    share = F.model.from_blocks(inner.reshape(3, 5, 15).permute(2, 0, 1))
    torch.testing.assert_close(H.to_dense() - torch.diag(H.ridge), share, **SAME)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_softmax_blocks_without_a_matrix_per_row(small, intercept, dtype):
    """Against the sum over rows of D_i (x) x_i x_i^T, over a batch of points and several blocks of rows."""
    n, p, K = 400, 50, 20
    generator = torch.Generator().manual_seed(5)
    X = torch.randn(n, p, generator=generator, dtype=torch.float64).to(dtype)
    y = torch.randint(0, K, (n,), generator=generator)
    weights = torch.rand(n, generator=generator, dtype=torch.float64)
    model = Linear(p, outputs=K, intercept=intercept)
    F = DataObjective(model, Categorical(K), (X, y), GaussianPrior(1.5), weights=weights, precision="float64")
    assert n * model.size > CHUNK
    w = 0.1 * small.points(F, 2)
    H = F.hessian(w)
    dense = H.to_dense()
    design = torch.cat([X.double(), torch.ones(n, 1).double()], dim=1) if intercept else X.double()
    for each, found in zip(w, dense, strict=True):
        P = torch.softmax(F.predictor(each), -1)
        D = (torch.diag_embed(P) - P[:, :, None] * P[:, None, :]) * (weights / n)[:, None, None]
        full = torch.einsum("nkl,ni,nj->kilj", D, design, design)
        q = design.shape[1]
        order = torch.arange(K * q).reshape(K, q)
        order = torch.cat([order[:, :p].flatten(), order[:, p:].flatten()])
        known = full.reshape(K * q, K * q)[order][:, order] + torch.diag(H.ridge)
        torch.testing.assert_close(found, known, **SAME)
    V = small.points(F, 2)[..., None]
    torch.testing.assert_close(H @ V, dense @ V, rtol=1e-11, atol=1e-11)
