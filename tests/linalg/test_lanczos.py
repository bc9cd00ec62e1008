import torch

from fivefold.core import Budget, Status
from fivefold.linalg import Dense, Diagonal, Identity
from fivefold.linalg.lanczos import lanczos


def test_thick_restarts_keep_what_was_found():
    # A slowly decaying spectrum needs many more directions than the basis may hold.
    d = torch.linspace(1, 2, 1200, dtype=torch.float64)
    run = lanczos(Diagonal(d), 3, tolerance=1e-9)
    assert run.status is Status.CONVERGED
    assert run.steps * 3 > 40
    assert torch.allclose(run.values, d.flip(0)[:3], rtol=1e-12)
    assert torch.allclose(run.vectors.mT @ run.vectors, torch.eye(3).double(), atol=1e-12)
    assert not run.complete


def test_same_seed_same_bits():
    d = torch.linspace(1, 9, 200, dtype=torch.float64) ** 2
    first, second = (lanczos(Diagonal(d), 4, tolerance=1e-8, seed=5) for _ in range(2))
    assert torch.equal(first.vectors, second.vectors)


def test_invariant_subspaces_are_left_by_random_directions():
    run = lanczos(Identity(6), 4, tolerance=1e-10)
    assert torch.allclose(run.values, torch.ones(4).double(), rtol=1e-14)
    zero = lanczos(Dense(torch.zeros(5, 5).double(), symmetric=True), 5, tolerance=1e-10)
    assert zero.values.abs().max() == 0
    assert zero.complete
    assert zero.following is None


def test_k_pairs_come_back_even_without_budget():
    run = lanczos(Diagonal(torch.arange(40.0).double()), 9, tolerance=1e-10, budget=Budget(steps=0))
    assert run.values.shape == (9,)
    assert run.status is Status.OUT_OF_BUDGET
