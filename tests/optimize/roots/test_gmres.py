"""GMRES against dense solves and SciPy's."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import gmres as scipy_gmres
from torch.testing import assert_close

from fivefold.core import ArgumentError
from fivefold.linalg import as_operator
from fivefold.optimize.roots.gmres import gmres


def system(n=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5 + 2 * torch.eye(n).double()
    return A, torch.randn(n, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("restart", [5, 60])
def test_the_answer_is_that_of_a_dense_solve(restart):
    A, b = system()
    found = gmres(as_operator(A), b, tolerance=1e-12, restart=restart)
    assert_close(found.x, torch.linalg.solve(A, b), rtol=1e-9, atol=1e-10)
    assert found.residual <= 1e-12


def test_the_residual_after_k_products_is_the_least_possible():
    A, b = system()
    for k in (1, 4, 9):
        found = gmres(as_operator(A), b, tolerance=1e-15, restart=k, products=k)
        peer, _ = scipy_gmres(A.numpy(), b.numpy(), rtol=1e-15, restart=k, maxiter=1)
        theirs = np.linalg.norm(b.numpy() - A.numpy() @ peer) / np.linalg.norm(b.numpy())
        assert_close(found.residual, theirs, rtol=1e-8, atol=0)


def test_the_inverse_as_preconditioner_takes_one_step():
    A, b = system()
    found = gmres(as_operator(A), b, preconditioner=as_operator(torch.linalg.inv(A)), tolerance=1e-10)
    assert found.products <= 2
    assert_close(A @ found.x, b, rtol=0, atol=1e-9)


def test_a_singular_matrix_returns_the_best_so_far():
    A = torch.diag(torch.tensor([1.0, 2.0, 0.0]).double())
    found = gmres(as_operator(A), torch.ones(3).double())
    # the third equation cannot be met: the least relative residual is 1 / sqrt 3
    assert_close(found.residual, 3**-0.5, rtol=1e-10, atol=0)
    assert gmres(as_operator(0 * A), torch.ones(3).double()).residual == 1.0


def test_nothing_to_do():
    found = gmres(as_operator(torch.eye(2)), torch.zeros(2))
    assert found.products == 0
    assert found.x.tolist() == [0.0, 0.0]


def test_shapes_and_numbers_are_checked():
    A, b = system(4)
    with pytest.raises(ArgumentError, match=r"A of shape \(3, 3\)"):
        gmres(as_operator(A), b[:3])
    with pytest.raises(ArgumentError, match=r"preconditioner of shape \(4, 4\)"):
        gmres(as_operator(A), b, preconditioner=as_operator(torch.eye(3)))
    with pytest.raises(ArgumentError, match="restart and products"):
        gmres(as_operator(A), b, restart=0)
