"""Stirling's remainder against mpmath with 40 digits."""

import mpmath
import pytest
import torch

from fivefold.probability.stirling import log_gamma_ratio, stirling_remainder

mp = mpmath.mp.clone()
mp.dps = 60
POINTS = [1e-6, 0.03, 0.7, 3.0, 9.99, 10.0, 10.01, 47.0, 1e4, 1e12]


def exact(x, order):
    x = mp.mpf(x)
    s = mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2
    first = mp.digamma(x) - mp.log(x) + 1 / (2 * x)
    second = mp.psi(1, x) - 1 / x - 1 / (2 * x * x)
    return float((s, first, second)[order])


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("x", POINTS)
def test_remainder(x, order):
    """Just below 10 the direct form still cancels: two digits of log gamma(10) = 13 over 0.008, and more."""
    found = float(stirling_remainder(torch.tensor(x, dtype=torch.float64), order))
    assert found == pytest.approx(exact(x, order), rel=1e-13, abs=3e-14)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("r", [1e-3, 0.5, 9.0, 12.0, 1e6, 1e12])
@pytest.mark.parametrize("y", [0.0, 1.0, 30.0, 1e5])
def test_ratio(y, r, order):
    a, b = mp.mpf(y), mp.mpf(r)
    expected = (
        mp.loggamma(a + b) - mp.loggamma(b),
        mp.digamma(a + b) - mp.digamma(b),
        mp.psi(1, a + b) - mp.psi(1, b),
    )[order]
    found = log_gamma_ratio(torch.tensor(y, dtype=torch.float64), torch.tensor(r, dtype=torch.float64), order)
    assert float(found) == pytest.approx(float(expected), rel=2e-12, abs=1e-13)


def test_the_plain_difference_would_fail():
    y, r = torch.tensor(3.0, dtype=torch.float64), torch.tensor(1e12, dtype=torch.float64)
    a, b = mp.mpf(3), mp.mpf(10) ** 12
    expected = float(mp.loggamma(a + b) - mp.loggamma(b))
    assert abs(float(torch.lgamma(y + r) - torch.lgamma(r)) / expected - 1) > 1e-6
    assert abs(float(log_gamma_ratio(y, r)) / expected - 1) < 1e-15


@pytest.mark.parametrize("x", [0.4, 9.5, 10.5, 300.0])
def test_derivatives_of_one_order_are_the_next(x):
    point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    for order in (0, 1):
        (slope,) = torch.autograd.grad(stirling_remainder(point, order), point)
        expected = float(stirling_remainder(point.detach(), order + 1))
        assert float(slope) == pytest.approx(expected, rel=1e-8, abs=1e-13)
