"""Adaptive integration on hard integrands: what is stated holds, or is said to be unknown."""

import math

import numpy as np
import pytest
import torch

from fivefold.calculus import integrate, kronrod_rule
from fivefold.core import ArgumentError, NumericalError, Status

INF = math.inf
ATAN = math.atan(0.63e4) + math.atan(0.37e4)
KNOWN = {
    "exponential": (lambda x: x.exp(), 0, 1, math.e - 1),
    "square root": (lambda x: x.sqrt(), 0, 1, 2 / 3),
    "logarithm": (lambda x: x.log(), 0, 1, -1),
    "log over root": (lambda x: x.log() / x.sqrt(), 0, 1, -4),
    "x^-0.5": (lambda x: x**-0.5, 0, 1, 2),
    "x^-0.9": (lambda x: x**-0.9, 0, 1, 10),
    "kink": (lambda x: (x - math.pi / 10).abs(), 0, 1, ((math.pi / 10) ** 2 + (1 - math.pi / 10) ** 2) / 2),
    "jump": (lambda x: (x > 1 / 3).double(), 0, 1, 2 / 3),
    "runge": (lambda x: 1 / (1 + 25 * x * x), -1, 1, 2 / 5 * math.atan(5)),
    "peak": (lambda x: 1e-4 / ((x - 0.37) ** 2 + 1e-8), 0, 1, ATAN),
    "peak at the limit of x": (
        lambda x: 1e-8 / ((x - 0.37) ** 2 + 1e-16), 0, 1, math.pi - 1e-8 / 0.2331  # atan(z) = pi/2 - 1/z
    ),
    "wave": (lambda x: torch.cos(1000 * x), 0, 1, math.sin(1000) / 1000),
    "bell": (lambda x: torch.exp(-x * x), -INF, INF, math.sqrt(math.pi)),
    "heavy tails": (lambda x: 1 / (1 + x * x), -INF, INF, math.pi),
    "decay": (lambda x: torch.exp(-x), 0, INF, 1),
    "growth from the left": (torch.exp, -INF, 0, 1),
    "x^-2": (lambda x: x**-2, 1, INF, 1),
    "root at the right end": (lambda x: (1 - x) ** -0.5, 0, 1, 2),
    "zero": (lambda x: 0 * x, 0, 1, 0),
    "odd": (torch.sin, -1, 1, 0),
    "x^x": (lambda x: x**x, 0, 1, 0.7834305107121344),
    "humps": (
        lambda x: 1 / ((x - 0.3) ** 2 + 0.01) + 1 / ((x - 0.9) ** 2 + 0.04) - 6, 0, 1, 29.858325395498671
    ),
    "cos(log x)": (lambda x: torch.cos(x.log()), 0, 1, 0.5),
}  # fmt: skip
UNCLAIMED = {
    "x^-0.99": (lambda x: x**-0.99, 0, 1, 100),
    "sin(1/x)": (lambda x: torch.sin(1 / x), 0, 1, 0.5040670619069283),
    "1/x": (lambda x: 1 / x, 0, 1, None),
    "x^-1.1": (lambda x: x**-1.1, 0, 1, None),
    "pole inside": (lambda x: 1 / (x - 0.3), 0, 1, None),
    "x^-1.1 to infinity": (lambda x: x**-1.1, 1, INF, 10),
    "sin(x)/x": (lambda x: torch.sin(x) / x, 1e-300, INF, math.pi / 2),
    "both ends": (lambda x: (1 - x * x) ** -0.5, -1, 1, math.pi),
    "narrow bell": (lambda x: torch.exp(-((x - 0.123) ** 2) / 2e-6), -1, 1, math.sqrt(2e-6 * math.pi)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-10])
def test_the_stated_error_holds(name, tolerance):
    fn, low, high, exact = KNOWN[name]
    found = integrate(fn, low, high, tolerance=tolerance)
    assert found.holds
    assert abs(found.value - exact) <= found.error
    if found.status is Status.CONVERGED:
        assert found.error <= tolerance * max(abs(exact), 1e-300) * 1.01 or exact == 0
    else:
        assert found.status is Status.STALLED, "down to rounding, which is above the tolerance"


@pytest.mark.parametrize("name", UNCLAIMED)
def test_what_cannot_be_certified_is_unknown(name):
    fn, low, high, _ = UNCLAIMED[name]
    found = integrate(fn, low, high, evaluations=30_000)
    assert found.holds is None
    assert found.certificates[0].verdict == "unknown"
    assert math.isfinite(found.value)
    assert found.evaluations <= 30_000


def test_points_make_a_narrow_peak_known():
    fn, low, high, exact = UNCLAIMED["narrow bell"]
    found = integrate(fn, low, high, points=[0.123])
    assert found.holds
    assert abs(found.value - exact) <= found.error


def test_a_jump_at_a_point_is_cheap():
    fn, low, high, exact = KNOWN["jump"]
    found = integrate(fn, low, high, points=[1 / 3])
    assert abs(found.value - exact) <= found.error
    assert found.evaluations < integrate(fn, low, high).evaluations


def test_directions_and_empty_intervals():
    there, back = integrate(torch.exp, 0.0, 1.0), integrate(torch.exp, 1.0, 0.0)
    assert back.value == -there.value
    assert integrate(torch.exp, 2.0, 2.0).value == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 15])
def test_kronrod_rules_are_exact_to_their_degree(n):
    nodes, weights = kronrod_rule(n)
    assert np.all(weights > 0)
    assert np.allclose(nodes[1::2], np.polynomial.legendre.leggauss(n)[0], atol=1e-14)
    for degree in range(3 * n + 2):
        exact = 0 if degree % 2 else 2 / (degree + 1)
        assert float(weights @ nodes**degree) == pytest.approx(exact, abs=1e-14)


def test_published_nodes():
    # Piessens et al. 1983, QUADPACK, routine QK15: the outermost node, its weight, and the central weight.
    nodes, weights = kronrod_rule(7)
    assert nodes[-1] == pytest.approx(0.991455371120812639206854697526329, abs=1e-15)
    assert weights[-1] == pytest.approx(0.022935322010529224963732008058970, abs=1e-15)
    assert weights[7] == pytest.approx(0.209482141084727828012999174891714, abs=1e-15)


def test_refuses():
    with pytest.raises(ArgumentError, match="ends that are numbers"):
        integrate(torch.exp, math.nan, 1.0)
    with pytest.raises(ArgumentError, match="tolerances from 0"):
        integrate(torch.exp, 0.0, 1.0, tolerance=-1.0)
    with pytest.raises(ArgumentError, match="a positive tolerance"):
        integrate(torch.exp, 0.0, 1.0, tolerance=0.0)
    with pytest.raises(ArgumentError, match="points between"):
        integrate(torch.exp, 0.0, 1.0, points=[2.0])
    with pytest.raises(ArgumentError, match="at least 252 evaluations"):
        integrate(torch.exp, 0.0, 1.0, evaluations=10)
    with pytest.raises(NumericalError, match="finite integrand"):
        integrate(lambda x: x / 0, 0.0, 1.0)
    with pytest.raises(ArgumentError, match="n of at least 1"):
        kronrod_rule(0)
