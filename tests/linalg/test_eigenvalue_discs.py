import pytest
import torch

from fivefold.linalg import eigenvalue_discs as module
from fivefold.linalg.eigenvalue_discs import eigenvalue_discs

G = torch.Generator().manual_seed(7)


def test_isolated_and_clustered_values():
    # Eigenvalues 1, 1 (semisimple), 4 and 2 +- i, exactly.
    A = torch.block_diag(
        torch.eye(2), torch.tensor([[4.0]]), torch.tensor([[2.0, -1.0], [1.0, 2.0]])
    ).double()
    A[0, 2], A[1, 3] = 3.0, -2.0
    found = eigenvalue_discs(A, *torch.linalg.eig(A))
    truth = torch.tensor([1, 1, 4, 2 + 1j, 2 - 1j], dtype=torch.complex128)
    gap = (found.values[:, None] - truth).abs().amin(dim=1)
    assert bool((gap <= found.radii).all())
    assert torch.equal(found.isolated, (found.values - 1).abs() > 0.5)
    assert float(found.radii.max()) < 1e-13
    assert sum(found.values.imag.tolist()) == 0


def test_the_correction_helps_and_the_pair_stays_a_pair():
    A = torch.randn(40, 40, generator=G, dtype=torch.float64)
    values, V = torch.linalg.eig(A)
    off = values * (1 + 1e-9)
    found = eigenvalue_discs(A, off, V)
    assert float((found.values - values).abs().max()) < 1e-13
    assert bool(((found.values - values).abs() <= found.radii + 1e-13).all())
    real = values.imag == 0
    assert bool((found.values.imag[real] == 0).all())
    assert bool((found.vectors[:, real].imag == 0).all())
    residual = A.to(V) @ found.vectors - found.vectors * found.values
    assert float(residual.abs().max()) < 1e-13


def test_a_wrong_value_is_not_enclosed_by_a_small_disc():
    A = torch.diag(torch.tensor([1.0, 2.0, 3.0]).double())
    values, V = torch.linalg.eig(A)
    values[0] += 0.1
    found = eigenvalue_discs(A, values, V)
    assert abs(found.values[0] - 1) <= found.radii[0]


@pytest.mark.parametrize("A", [torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.ones(3, 3).triu()])
def test_dependent_vectors_prove_nothing(A):
    found = eigenvalue_discs(A.double(), *torch.linalg.eig(A.double()))
    assert not float(found.radii.max()) < 0.1
    assert not bool(found.isolated.any())


def test_an_error_in_the_residual_would_be_noticed(monkeypatch):
    A = torch.randn(10, 10, generator=G, dtype=torch.float64)
    exact = module.eigen_residual

    def planted(A, V, values):
        R, a, b, epsilon = exact(A, V, values)
        return R + 1e-6, a, b, epsilon

    values, V = torch.linalg.eig(A)
    right = eigenvalue_discs(A, values, V)
    monkeypatch.setattr(module, "eigen_residual", planted)
    wrong = eigenvalue_discs(A, values, V)
    assert bool(((right.values - wrong.values).abs() > wrong.radii).any())
