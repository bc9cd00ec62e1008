"""Blocks of a Hessian against the whole."""

import torch
from torch.testing import assert_close

from fivefold.linalg import Dense
from fivefold.objective import Objective
from fivefold.optimize.methods.lazy_hessian import SMALL, LazyHessian


class Counting(Dense):
    """A matrix that counts the columns it was multiplied with."""

    columns = 0

    def _matmat(self, X):
        self.columns += X.shape[-1]
        return super()._matmat(X)


def matrix(size):
    A = torch.randn(size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return A @ A.mT / size


def test_columns_are_made_once():
    M = matrix(SMALL + 100)
    operator = Counting(M)
    H = LazyHessian(operator)
    for index in ([3, 50, 7], [50, 7], [390, 3]):
        i = torch.tensor(index)
        assert_close(H.block(i), M[i][:, i], rtol=1e-12, atol=1e-12)
    assert operator.columns == 4


def test_many_columns_are_the_whole_matrix():
    M = matrix(SMALL + 100)
    operator = Counting(M)
    H = LazyHessian(operator)
    i = torch.arange(0, 400, 2)
    assert_close(H.block(i), M[i][:, i], rtol=1e-12, atol=1e-12)
    assert operator.columns == 0


def test_negative_curvature_counts_by_its_size_and_what_is_not_finite_for_one():
    found = LazyHessian(Dense(torch.diag(torch.tensor([2.0, -3.0])))).block(torch.arange(2))
    assert_close(found, torch.diag(torch.tensor([2.0, 3.0])))
    F = Objective.from_function(lambda w: (w**1.5).sum(), torch.ones(2))
    assert_close(LazyHessian(F.hessian(torch.zeros(2))).block(torch.arange(2)), torch.eye(2))
