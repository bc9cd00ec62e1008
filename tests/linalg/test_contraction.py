import math

import pytest
import torch

from fivefold.linalg import Dense, Diagonal
from fivefold.linalg.contraction import dense_contraction, sampled_contraction

G = torch.Generator().manual_seed(5)


@pytest.mark.parametrize("radius", [0.3, 0.9, 0.99])
def test_powers_of_a_matrix_shrink_where_the_radius_is_below_one(radius):
    A = torch.randn(40, 40, generator=G, dtype=torch.float64)
    A = A * (radius / torch.linalg.eigvals(A).abs().max())
    found = dense_contraction(A)
    assert found.norm < 1
    assert radius * (1 - 1e-12) <= found.radius < 1
    assert float(torch.linalg.matrix_norm(torch.linalg.matrix_power(A, found.power), 2)) <= found.norm
    sampled = sampled_contraction(Dense(A), products=20_000)
    assert sampled.norm < 1
    assert radius <= sampled.radius
    assert float(torch.linalg.matrix_norm(torch.linalg.matrix_power(A, sampled.power), 2)) <= sampled.norm


def test_a_radius_of_one_or_more_is_never_called_a_contraction():
    for radius in (1.0, 1.5):
        turn = torch.eye(20).double().roll(1, 0) * radius
        assert dense_contraction(turn).norm >= 1
        assert sampled_contraction(Dense(turn), products=5000).norm >= 1


def test_rounding_ends_what_growth_has_spoilt():
    shear = 0.5 * torch.eye(60).double() + 40 * torch.eye(60).double().roll(1, 1).triu()
    found = sampled_contraction(Dense(shear), products=100_000)
    assert found.norm >= 1  # stable, but powers grow by 1e60 first: no claim
    assert dense_contraction(shear).norm >= 1


def test_the_budget_is_kept():
    slow = Diagonal(torch.linspace(-0.99999, 0.99999, 500).double())
    found = sampled_contraction(slow, products=1000)
    assert found.products <= 1000
    assert found.norm >= 0.99
    assert math.isinf(sampled_contraction(slow, products=0).norm)
