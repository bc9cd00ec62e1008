"""Newton's method: our fast path's directions and minimum, digits that double, and where it is lost."""

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.newtons_method import damped, newtons_method, safe_direction
from fivefold.optimize.methods.newton import newton_direction

A = np.random.default_rng(0).normal(size=(12, 4))
START = np.array([0.4, -0.3, 0.2, 0.1])


def value(w: torch.Tensor) -> torch.Tensor:
    return torch.log1p(torch.exp(w @ torch.tensor(A.T))).sum(-1) + 0.5 * (w**2).sum(-1)


def gradient(w: np.ndarray) -> np.ndarray:
    return A.T @ (1.0 / (1.0 + np.exp(-A @ w))) + w


def hessian(w: np.ndarray) -> np.ndarray:
    p = 1.0 / (1.0 + np.exp(-A @ w))
    return (A.T * (p * (1.0 - p))) @ A + np.eye(4)


def test_fast_path() -> None:
    path = newtons_method(gradient, hessian, START, steps=6)
    optimum = ff.minimize(ff.Objective.from_function(value, torch.tensor(START)), method="newton")
    np.testing.assert_allclose(path[-1], optimum.w.numpy(), atol=1e-8)
    generator = np.random.default_rng(1)
    for _ in range(20):  # half of them indefinite
        H = generator.normal(size=(4, 4)) + 2.0 * np.eye(4) * generator.normal()
        H, g = 0.5 * (H + H.T), generator.normal(size=4)
        theirs = newton_direction(torch.tensor(H)[None], torch.tensor(g)[None])[0].numpy()
        np.testing.assert_allclose(safe_direction(H, g), theirs, rtol=1e-8, atol=1e-10)
        assert safe_direction(H, g) @ g < 0.0


def test_the_digits_double() -> None:
    path = newtons_method(gradient, hessian, START, steps=12)
    errors = np.linalg.norm(path - path[-1], axis=1)
    useful = errors[(errors > 1e-7) & (errors < 0.5)]
    assert len(useful) >= 2
    assert np.all(useful[1:] <= 2.0 * useful[:-1] ** 2)


@pytest.mark.parametrize("start", [0.5, 0.9, -0.99, 1.05])
def test_the_parabola_of_a_flattening_bowl_misleads(start: float) -> None:
    """On √(1 + w²) a step is w → −w³, by hand."""
    path = newtons_method(
        lambda w: w / np.sqrt(1 + w**2), lambda w: np.diag((1 + w**2) ** -1.5), np.array([start]), steps=4
    )
    expected = [start, -(start**3), start**9, -(start**27), start**81]
    np.testing.assert_allclose(path[:, 0], expected, rtol=1e-6, atol=1e-12)


def test_damping_repairs_it() -> None:
    def height(w: np.ndarray) -> float:
        return float(np.sqrt(1.0 + w @ w))

    w = np.array([2.0])
    for _ in range(30):
        g, H = w / height(w), np.diag((1 + w**2) ** -1.5)
        if abs(g[0]) < 1e-12:
            break
        d = safe_direction(H, g)
        w = w + damped(height, w, d, float(g @ d)) * d
    assert abs(w[0]) < 1e-10


def test_a_damped_step_is_a_share_of_the_whole() -> None:
    whole = newtons_method(gradient, hessian, START, steps=1)[1] - START
    np.testing.assert_allclose(
        newtons_method(gradient, hessian, START, 1, rate=0.3)[1], START + 0.3 * whole, rtol=1e-12
    )
