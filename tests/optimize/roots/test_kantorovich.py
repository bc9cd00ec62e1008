"""Kantorovich's theorem: the bound holds, and where it cannot hold nothing is claimed."""

import math

import pytest
import torch
from torch.testing import assert_close

from fivefold.core import ArgumentError
from fivefold.optimize.roots.kantorovich import certify_root, lipschitz_of


def square(x):
    """x^2 - 2, whose derivative 2 x is Lipschitz with L = 2."""
    point = torch.tensor([x], dtype=torch.float64)
    return certify_root(point, point**2 - 2, 2 * point[:, None], 2.0)


@pytest.mark.parametrize("x", [1.2, 1.4, 1.5, 1.8, 2.2])
def test_the_root_of_a_square_lies_within_the_bound(x):
    found = square(x)
    assert found.verdict == "yes"
    # for a quadratic the bound is attained on one side
    assert abs(x - math.sqrt(2)) <= found.bound * (1 + 1e-10)
    if x > math.sqrt(2):
        assert_close(found.bound, x - math.sqrt(2), rtol=1e-9, atol=0)


def test_too_far_away_nothing_follows():
    found = square(0.5)
    assert found.verdict == "unknown"
    assert found.value > 0.5


def test_where_there_is_no_root_none_is_claimed():
    for x in torch.linspace(-3, 3, 61).double():
        point = x[None]
        found = certify_root(point, point**2 + 0.01, 2 * point[:, None], 2.0)
        assert found.verdict == "unknown"


def test_too_small_a_constant_would_claim_a_root_that_is_not_there():
    point = torch.tensor([1.0]).double()
    assert certify_root(point, point**2 + 0.01, 2 * point[:, None], 0.1).verdict == "yes"


@pytest.mark.parametrize(
    ("jacobian", "lipschitz", "why"),
    [
        (torch.eye(2), None, "no Lipschitz constant"),
        (None, 1.0, "not formed"),
        (torch.zeros(2, 2), 1.0, "singular"),
        (torch.full((2, 2), math.nan), 1.0, "not finite"),
    ],
)
def test_unknown_says_what_is_missing(jacobian, lipschitz, why):
    found = certify_root(torch.ones(2), torch.ones(2), jacobian, lipschitz)
    assert found.verdict == "unknown"
    assert why in found.method


def test_a_quadratic_system_tells_its_own_constant():
    generator = torch.Generator().manual_seed(0)
    T = torch.randn(4, 4, 4, generator=generator, dtype=torch.float64)
    T = T + T.mT

    def F(x):
        return 0.5 * torch.einsum("ijk,j,k->i", T, x, x) + x

    L = lipschitz_of(F, torch.zeros(4).double(), "quadratic")
    J = torch.func.jacrev(F)
    for _ in range(50):
        u, v = torch.randn(2, 4, generator=generator, dtype=torch.float64)
        change = torch.linalg.matrix_norm(J(u) - J(v), 2)
        assert float(change) <= L * float((u - v).norm())
    assert lipschitz_of(F, torch.zeros(61).double(), "quadratic") is None


@pytest.mark.parametrize("given", [-1.0, math.inf, "cubic"])
def test_a_constant_that_cannot_be_is_refused(given):
    with pytest.raises(ArgumentError, match=r"(L|l)ipschitz"):
        lipschitz_of(lambda x: x, torch.ones(1), given)
