"""Gauss rules against moments and known integrals."""

import math

import pytest
import torch

from fivefold.calculus import gauss_legendre, hermite_rule, legendre_rule, normal_expectation
from fivefold.core import ArgumentError, NumericalError, Status


@pytest.mark.parametrize("n", [1, 2, 5, 20, 200])
def test_legendre_is_exact_up_to_degree_2n_minus_1(n):
    x, w = legendre_rule(n, 1.0, 3.0)
    for degree in {0, 1, n, 2 * n - 1}:
        exact = (3.0 ** (degree + 1) - 1) / (degree + 1)
        assert float(w @ x**degree) == pytest.approx(exact, rel=1e-11)
    # and not of degree 2n
    if n <= 5:
        exact = (3.0 ** (2 * n + 1) - 1) / (2 * n + 1)
        assert abs(float(w @ x ** (2 * n)) / exact - 1) > 1e-9


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_hermite_has_the_moments_of_the_normal(n):
    x, w = hermite_rule(n, mean=2.0, sd=0.5)
    for degree in range(0, 2 * n, max(1, n // 3)):
        exact = sum(
            math.comb(degree, k) * 2.0 ** (degree - k) * 0.5**k * math.prod(range(1, k, 2))
            for k in range(0, degree + 1, 2)
        )
        assert float(w @ x**degree) == pytest.approx(exact, rel=1e-10)


SMOOTH = [
    (torch.exp, 0.0, 1.0, math.e - 1),
    (lambda x: 1 / (1 + 25 * x**2), -1.0, 1.0, 2 / 5 * math.atan(5)),
    (lambda x: torch.cos(100 * x), 0.0, 1.0, math.sin(100) / 100),
    (lambda x: 0 * x, 0.0, 1.0, 0.0),
    (lambda x: x.abs(), -1.0, 2.0, 2.5),
    (lambda x: x.sqrt(), 0.0, 1.0, 2 / 3),
    (lambda x: (x > 0.3).double(), 0.0, 1.0, 0.7),
]


@pytest.mark.parametrize(("fn", "low", "high", "exact"), SMOOTH)
def test_the_stated_error_holds(fn, low, high, exact):
    found = gauss_legendre(fn, low, high)
    assert abs(found.value - exact) <= found.error
    assert found.holds is (True if found.status is Status.CONVERGED else None)


def test_what_is_not_smooth_is_unknown():
    for fn, low, high, _ in SMOOTH[-3:]:
        assert gauss_legendre(fn, low, high).holds is None
    assert gauss_legendre(lambda x: torch.cos(3000 * x), 0.0, 1.0).status is Status.OUT_OF_BUDGET


def test_expectations():
    found = normal_expectation(torch.exp, 0.3, 0.8)
    assert abs(found.value - math.exp(0.3 + 0.32)) <= found.error
    assert found.holds
    assert normal_expectation(lambda x: (x > 0.1).double(), largest=64).holds is None


def test_refuses():
    with pytest.raises(ArgumentError, match="an order from 1 to 512"):
        legendre_rule(0)
    with pytest.raises(ArgumentError, match="an order from 1 to 512"):
        hermite_rule(600)
    with pytest.raises(ArgumentError, match="finite ends"):
        legendre_rule(3, 0.0, math.inf)
    with pytest.raises(ArgumentError, match="a positive sd"):
        hermite_rule(3, 0.0, -1.0)
    with pytest.raises(ArgumentError, match="a positive tolerance"):
        gauss_legendre(torch.exp, 0.0, 1.0, tolerance=0.0)
    with pytest.raises(ArgumentError, match="a largest order"):
        gauss_legendre(torch.exp, 0.0, 1.0, largest=4)
    with pytest.raises(ArgumentError, match="one per point"):
        gauss_legendre(torch.sum, 0.0, 1.0)
    with pytest.raises(ArgumentError, match="one per point"):
        gauss_legendre(lambda x: 3.0, 0.0, 1.0)
    with pytest.raises(NumericalError, match="a finite integrand"):
        gauss_legendre(lambda x: 1 / (0 * x), 0.0, 1.0)
