import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Diagonal, Identity, LinearOperator
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_lanczos import lanczos_rules

VALUES = torch.linspace(2.0, 5.0, 40, dtype=torch.float64)


def rules(A, width=3, depth=8):
    return lanczos_rules(Prober(A, 1, "test"), width, depth), Prober(A, 1, "test").sphere(width)


def test_gauss_is_exact_for_polynomials_of_degree_below_twice_the_depth():
    rule, Z = rules(Diagonal(VALUES))
    weights = (Z / torch.linalg.vector_norm(Z, dim=0)) ** 2
    for depth in (1, 4, 8):
        nodes, mass = rule.gauss(depth)
        for degree in range(2 * depth):
            truth = (weights * VALUES[:, None] ** degree).sum(0)
            assert torch.allclose((mass * nodes**degree).sum(-1), truth, rtol=1e-9)
        truth = (weights * VALUES[:, None] ** (2 * depth)).sum(0)
        assert not torch.allclose((mass * nodes ** (2 * depth)).sum(-1), truth, rtol=1e-12)


def test_radau_has_its_node_and_is_exact_for_one_degree_less():
    rule, Z = rules(Diagonal(VALUES))
    weights = (Z / torch.linalg.vector_norm(Z, dim=0)) ** 2
    for depth in (1, 2, 5):
        nodes, mass = rule.radau(1.5, depth)
        assert torch.allclose((nodes - 1.5).abs().min(dim=-1).values, torch.zeros(3).double(), atol=1e-9)
        for degree in range(2 * depth - 1):
            truth = (weights * VALUES[:, None] ** degree).sum(0)
            assert torch.allclose((mass * nodes**degree).sum(-1), truth, rtol=1e-9)


def test_a_complete_krylov_space_ends_the_run():
    rule, _ = rules(3.0 * Identity(10))
    assert rule.depth == 1
    assert torch.allclose(rule.gauss()[0], torch.full((3, 1), 3.0).double())
    rule, _ = rules(Diagonal([1.0, 1.0, 2.0, 2.0]), depth=4)
    nodes, mass = rule.gauss()
    assert rule.depth == 2
    assert torch.allclose(mass.sum(-1), torch.ones(3).double())
    assert torch.allclose(nodes, torch.tensor([1.0, 2.0]).double().expand(3, 2))


def test_a_false_claim_of_symmetry_is_noticed():
    class Crooked(LinearOperator):
        def __init__(self):
            super().__init__((40, 40), symmetric=True)

        def _matmat(self, X):
            return torch.cumsum(X, dim=0)

        def _adjoint(self):
            return self

    with pytest.raises(ArgumentError, match="symmetric operator"):
        rules(Crooked())
    assert rules(Dense(torch.diag(VALUES), symmetric=True))[0].depth == 8
