"""Quadrature: against the fast path and closed forms, at the degree and order that each rule promises."""

from collections.abc import Callable

import numpy as np
import pytest

from fivefold import calculus
from fivefold.concepts.quadrature import Rule, gauss, gauss_hermite, gauss_legendre, simpson, trapezoid

# Rounding of sums of at most a hundred terms of size one, with room.
TIGHT = 1e-12


def degree(rule: Rule, moments: Callable[[int], float]) -> int:
    """The largest k such that 1, x, …, xᵏ are all integrated to rounding."""
    x, w = rule
    for k in range(40):
        if abs(w @ x**k - moments(k)) > 1e-12 * max(1.0, float(np.abs(w) @ np.abs(x) ** k)):
            return k - 1
    raise AssertionError("degrees beyond 39 were not looked at")


def power_integral(k: int) -> float:
    """∫ xᵏ dx from 0.5 to 2."""
    return (2.0 ** (k + 1) - 0.5 ** (k + 1)) / (k + 1)


def normal_moment(k: int) -> float:
    """E (1 + 2Z)ᵏ by the recursion of a normal variable's moments."""
    previous, moment = 0.0, 1.0
    for j in range(k):
        previous, moment = moment, 1.0 * moment + j * 4.0 * previous
    return moment


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_fast_path(n: int) -> None:
    for ours, fast in (
        (gauss_legendre(n, -1.0, 2.5), calculus.legendre_rule(n, -1.0, 2.5)),
        (gauss_hermite(n, 1.5, 0.7), calculus.hermite_rule(n, 1.5, 0.7)),
    ):
        for mine, theirs in zip(ours, fast, strict=True):
            np.testing.assert_allclose(mine, theirs.numpy(), rtol=0, atol=TIGHT)


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_gauss_reaches_degree_2n_minus_1_and_no_more(n: int) -> None:
    assert degree(gauss_legendre(n, 0.5, 2.0), power_integral) == 2 * n - 1
    assert degree(gauss_hermite(n, 1.0, 2.0), normal_moment) == 2 * n - 1


def test_the_even_rules_reach_their_degrees() -> None:
    assert degree(trapezoid(9, 0.5, 2.0), power_integral) == 1
    assert degree(simpson(9, 0.5, 2.0), power_integral) == 3


def test_a_wrong_weight_is_seen() -> None:
    x, w = simpson(9, 0.5, 2.0)
    w[[1, 2]] = w[[2, 1]]
    assert degree((x, w), power_integral) < 3
    off = np.arange(1.0, 5.0) / np.sqrt(4.0 * np.arange(1.0, 5.0) ** 2 + 1.0)  # + where − belongs
    x, w = gauss(off)
    assert degree((1.25 + 0.75 * x, 1.5 * w), power_integral) < 9


@pytest.mark.parametrize(("rule", "order"), [(trapezoid, 2), (simpson, 4)])
def test_order_on_a_smooth_integrand(rule: Callable[..., Rule], order: int) -> None:
    errors = []
    for n in (33, 65):
        x, w = rule(n, 0.3, 1.7)
        errors.append(abs(w @ np.exp(x) - (np.exp(1.7) - np.exp(0.3))))
    assert errors[0] / errors[1] == pytest.approx(2.0**order, rel=0.01)


def test_the_trapezoid_s_error_is_the_one_in_the_docstring() -> None:
    x, w = trapezoid(101, 0.3, 1.7)
    slope = np.exp(1.7) - np.exp(0.3)  # f′(b) − f′(a)
    assert w @ np.exp(x) - slope == pytest.approx(0.014**2 * slope / 12, rel=1e-4)


def test_a_kink_costs_gauss_its_speed_until_it_is_cut() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.abs(x - 0.3) * np.exp(x)

    # ∫ (x − c) eˣ = (x − c − 1) eˣ; the left part has the other sign.
    exact = 2.0 * np.exp(0.3) + (0.0 - 1.3) * 1.0 + (1.0 - 1.3) * np.e
    x, w = gauss_legendre(20, 0.0, 1.0)
    assert abs(w @ f(x) - exact) > 1e-5
    parts = [gauss_legendre(10, a, b) for a, b in ((0.0, 0.3), (0.3, 1.0))]
    assert sum(w @ f(x) for x, w in parts) == pytest.approx(exact, rel=TIGHT)


def test_hermite_and_the_fast_path_agree_on_an_evidence() -> None:
    import torch

    def likelihood(score: np.ndarray) -> np.ndarray:
        return np.exp(3.0 * score - 10.0 * np.logaddexp(0.0, score))

    x, w = gauss_hermite(60, -0.5, 0.8)
    fast = calculus.normal_expectation(
        lambda t: torch.exp(3.0 * t - 10.0 * torch.nn.functional.softplus(t)), mean=-0.5, sd=0.8
    )
    assert w @ likelihood(x) == pytest.approx(fast.value, rel=1e-8)
