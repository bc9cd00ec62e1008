import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from fivefold.core import Budget, Status
from fivefold.linalg import Dense, Diagonal
from fivefold.linalg.arnoldi import apply_complex, arnoldi, rank_of_wanted

G = torch.Generator().manual_seed(30)
A = torch.randn(300, 300, generator=G, dtype=torch.float64) / 300**0.5
A[0, 0] += 6
A[1:3, 1:3] += torch.tensor([[2.0, 3.0], [-3.0, 2.0]])


def nearest(found, truth):
    return np.abs(np.asarray(truth)[:, None] - np.asarray(found)[None]).min(axis=1).max()


@pytest.mark.parametrize("which", ["magnitude", "real"])
def test_agrees_with_arpack(which):
    run = arnoldi(Dense(A), 3, which=which, tolerance=1e-11)
    theirs = scipy.sparse.linalg.eigs(
        A.numpy(), 3, which="LM" if which == "magnitude" else "LR", return_eigenvectors=False
    )
    assert run.status is Status.CONVERGED
    assert nearest(run.values, theirs) < 1e-9
    gap = A.to(torch.complex128) @ run.vectors - run.vectors * run.values
    assert float(gap.abs().max()) < 1e-9


def test_restarts_reach_the_crowded_edge_of_a_disc():
    run = arnoldi(Dense(A[3:, 3:]), 6, tolerance=1e-9)
    dense = np.linalg.eigvals(A[3:, 3:].numpy())
    top = dense[np.argsort(-np.abs(dense))][:5]
    assert run.status is Status.CONVERGED
    assert run.steps > 40
    assert nearest(run.values, top) < 1e-6


def test_symmetric_small_and_multiple():
    run = arnoldi(Diagonal(torch.arange(40.0).double()), 2, tolerance=1e-10)
    assert run.values.real.tolist() == pytest.approx([39, 38])
    # An invariant space is met after one product; random directions go on.
    same = arnoldi(Diagonal(torch.full((30,), 2.0).double()), 3, tolerance=1e-10)
    assert same.values.real.tolist() == pytest.approx([2, 2, 2])
    full = arnoldi(Dense([[1.0, 2.0], [0.0, 3.0]]), 2, tolerance=1e-10)
    assert full.complete
    assert full.values.real.tolist() == pytest.approx([3, 1])
    zero = arnoldi(Diagonal(torch.zeros(5)), 2, tolerance=1e-6)
    assert zero.status is Status.CONVERGED


def test_budget():
    run = arnoldi(Dense(A[3:, 3:]), 6, tolerance=1e-12, budget=Budget(steps=10))
    assert run.status is Status.OUT_OF_BUDGET
    assert len(run.values) == 6


def test_order_and_complex_products():
    values = torch.tensor([1 + 1j, -2, 1 - 1j, 0.5], dtype=torch.complex128)
    assert values[rank_of_wanted(values, "magnitude")].tolist() == [-2, 1 + 1j, 1 - 1j, 0.5]
    assert values[rank_of_wanted(values, "real")].tolist() == [1 + 1j, 1 - 1j, 0.5, -2]
    X = torch.complex(torch.ones(300, 2), 2 * torch.ones(300, 2)).to(torch.complex128)
    assert torch.allclose(apply_complex(Dense(A), X), A.to(torch.complex128) @ X)
