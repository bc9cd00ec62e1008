"""Steps through differential equations: against the fast path and closed forms, at their order and limit."""

import numpy as np
import pytest
import torch

from fivefold import calculus
from fivefold.concepts.gradient_descent import gradient_descent, largest_rate
from fivefold.concepts.ode_steps import Array, Step, euler, growth, implicit_euler, midpoint, rk4, walk

ORDERS = [(euler, 1), (midpoint, 2), (rk4, 4)]


def pendulum(t: float, y: Array) -> Array:
    return np.array([y[1], -np.sin(y[0]) + 0.3 * np.cos(t)])


def test_fast_path() -> None:
    start = torch.tensor([1.2, -0.4], dtype=torch.float64)

    def field(t: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch.stack([y[1], -torch.sin(y[0]) + 0.3 * torch.cos(t)])

    times = torch.linspace(0.0, 5.0, 6, dtype=torch.float64)
    fast = calculus.solve_ode(field, start, times, tolerance=1e-9)
    ours = walk(rk4, pendulum, start.numpy(), end=5.0, steps=1000)[::200]
    # RK4's error at h = 0.005 is of the size h⁴ = 6e-10; the fast path's is its tolerance.
    np.testing.assert_allclose(ours, fast.y.numpy(), atol=2e-8)


@pytest.mark.parametrize(("step", "order"), ORDERS)
def test_order(step: Step, order: int) -> None:
    # y′ = −2 t y², y = 1 / (1/y₀ + t²): not linear, and with time in it.
    errors = [
        abs(walk(step, lambda t, y: -2.0 * t * y**2, np.array([0.8]), 2.0, n)[-1, 0] - 1.0 / (1.25 + 4.0))
        for n in (100, 200)
    ]
    assert errors[0] / errors[1] == pytest.approx(2.0**order, rel=0.05)


def test_a_wrong_slope_costs_the_order() -> None:
    def careless(f: object, t: float, y: Array, h: float) -> Array:
        assert callable(f)
        return np.asarray(y + h * f(t, y + h / 2 * f(t, y)))  # the time of the start, not of the middle

    errors = [
        abs(walk(careless, lambda t, y: -2.0 * t * y**2, np.array([0.8]), 2.0, n)[-1, 0] - 1.0 / 5.25)
        for n in (100, 200)
    ]
    assert errors[0] / errors[1] < 2.5


@pytest.mark.parametrize(("step", "order"), ORDERS)
def test_growth_is_the_exponential_s_series(step: Step, order: int) -> None:
    z = np.array([0.3 - 0.2j, -1.7 + 0.9j, -2.5, 2j])
    series = sum(z**k / np.prod(np.arange(1.0, k + 1)) for k in range(order + 1))
    np.testing.assert_allclose(growth(step, z), series, rtol=1e-13)


@pytest.mark.parametrize(("step", "limit"), [(euler, 2.0), (midpoint, 2.0), (rk4, 2.785293563405282)])
def test_the_limit_of_stability(step: Step, limit: float) -> None:
    below, above = np.abs(growth(step, np.array([-0.999 * limit, -1.001 * limit])))
    assert below < 1.0 < above
    ends = [
        abs(walk(step, lambda t, y: -50.0 * y, np.ones(1), 400 * factor * limit / 50.0, 400)[-1, 0])
        for factor in (0.95, 1.05)
    ]
    assert ends[0] < 1e-3
    assert ends[1] > 1e3


def test_no_step_keeps_euler_on_a_circle() -> None:
    h = np.array([1e-3, 0.1, 1.0])
    np.testing.assert_allclose(np.abs(growth(euler, 1j * h)), np.sqrt(1.0 + h**2), rtol=1e-14)
    assert np.all(np.abs(growth(rk4, 1j * np.array([0.5, 2.8]))) < 1.0)
    assert np.abs(growth(rk4, np.array([2.83j])))[0] > 1.0  # the limit is √8


def test_implicit_euler_is_stable_for_every_step() -> None:
    A = np.array([[-1.0, 0.5], [0.0, -1000.0]])
    for h in (1e-3, 0.1, 10.0, 1e4):
        y = np.array([1.0, 1.0])
        for _ in range(5):
            after = implicit_euler(A, y, h)
            np.testing.assert_allclose(after - h * A @ after, y, rtol=1e-10, atol=1e-12)
            assert np.linalg.norm(after) < np.linalg.norm(y)
            y = after
    errors = []
    for steps in (200, 400):
        y = np.array([1.0])
        for _ in range(steps):
            y = implicit_euler(np.array([[-1.0]]), y, 1.0 / steps)
        errors.append(abs(y[0] - np.exp(-1.0)))
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.01)


def test_gradient_descent_is_euler_on_the_flow() -> None:
    H, best = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([4.0, -1.0])
    start, rate = np.array([6.0, 2.0]), 0.2
    descent = gradient_descent(lambda w: H @ (w - best), start, rate, 30)
    flow = walk(euler, lambda t, w: -H @ (w - best), start, end=30 * rate, steps=30)
    np.testing.assert_allclose(flow, descent, rtol=1e-12)
    # The largest rate is where λ_max η reaches Euler's limit of stability.
    top = np.linalg.eigvalsh(H)[-1]
    assert abs(growth(euler, np.array([-top * largest_rate(H)]))[0]) == pytest.approx(1.0, abs=1e-12)
