"""What preconditioners and certificates ask of a linear model's curvature, over rows in batches."""

import pytest
import torch

from fivefold.objective import DataObjective, Linear
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
