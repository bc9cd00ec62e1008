"""Difference quotients: against the fast path, at the order and the best step that theory gives."""

import numpy as np
import pytest
import torch

from fivefold import calculus
from fivefold.concepts.derivative import (
    EPSILON,
    central_difference,
    directional,
    forward_difference,
    gradient,
)

# The error of a centred difference at h = ε^(1/3) is about ε^(2/3) = 4e-11 times third derivative and value.
CENTRED = 3e-9


def rosenbrock_like(x: np.ndarray) -> float:
    return float(np.sum(3.0 * (x[1:] - x[:-1] ** 2) ** 2) + np.sum(np.sin(x)))


def rosenbrock_like_torch(x: torch.Tensor) -> torch.Tensor:
    return (3.0 * (x[1:] - x[:-1] ** 2) ** 2).sum() + torch.sin(x).sum()


def test_fast_path() -> None:
    x = np.array([1.3, -0.7, 2.1, 0.4])
    fast = calculus.gradient(rosenbrock_like_torch)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(gradient(rosenbrock_like, x), fast, rtol=CENTRED, atol=CENTRED)


def test_directional_is_the_gradient_s_shadow() -> None:
    x, d = np.array([1.3, -0.7, 2.1, 0.4]), np.array([0.5, 1.0, -2.0, 0.1])
    slope = directional(rosenbrock_like, x, d)
    assert slope == pytest.approx(float(gradient(rosenbrock_like, x) @ d), rel=1e-7)


@pytest.mark.parametrize(("quotient", "order"), [(forward_difference, 1), (central_difference, 2)])
def test_order(quotient: object, order: int) -> None:
    assert callable(quotient)
    errors = [abs(quotient(np.exp, 0.5, h) - np.exp(0.5)) for h in (1e-2, 5e-3)]
    assert errors[0] / errors[1] == pytest.approx(2.0**order, rel=0.01)


def test_the_best_step_lies_between_bend_and_rounding() -> None:
    steps = 10.0 ** np.arange(-15.0, 0.0)
    forward = [abs(forward_difference(np.sin, 1.0, h) - np.cos(1.0)) for h in steps]
    centred = [abs(central_difference(np.sin, 1.0, h) - np.cos(1.0)) for h in steps]
    assert 1e-10 < steps[np.argmin(forward)] < 1e-6  # √ε = 1.5e-8
    assert 1e-7 < steps[np.argmin(centred)] < 1e-3  # ε^(1/3) = 6e-6
    assert min(centred) < min(forward)
    assert forward[0] > 1e-3  # rounding has eaten the difference
    assert np.finfo(np.float64).eps == EPSILON


def test_straight_lines_and_parabolas_are_exact() -> None:
    assert forward_difference(lambda x: 3.0 * x - 1.0, 2.0, 0.25) == 3.0
    assert central_difference(lambda x: x * x, 3.0, 0.25) == 6.0
