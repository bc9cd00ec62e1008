"""Gradient descent: step by step like torch's, and crawling, converging, diverging as theory says."""

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.gradient_descent import best_rate, contraction, gradient_descent, largest_rate

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 6.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


def slope(w: np.ndarray) -> np.ndarray:
    return H @ (w - OPTIMUM)


def value(w: torch.Tensor) -> torch.Tensor:
    away = w - torch.tensor(OPTIMUM)
    return 0.5 * away @ torch.tensor(H) @ away


def test_fast_path() -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer = torch.optim.SGD([w], lr=0.1)
    path = [START]
    for _ in range(30):
        optimizer.zero_grad()
        value(w).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    # The same additions in the same order up to the product with H.
    np.testing.assert_allclose(gradient_descent(slope, START, 0.1, 30), path, rtol=1e-12, atol=1e-14)


def test_it_ends_where_the_certified_minimum_is() -> None:
    end = gradient_descent(slope, START, best_rate(H), 200)[-1]
    optimum = ff.minimize(ff.Objective.from_function(value, torch.tensor(START)))
    np.testing.assert_allclose(end, optimum.w.numpy(), atol=1e-8)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_below_the_largest_rate_it_converges(share: float) -> None:
    rate = share * largest_rate(H)
    factor = contraction(H, rate)
    path = gradient_descent(slope, START, rate, 60)
    errors = np.linalg.norm(path - OPTIMUM, axis=1)
    assert factor < 1.0
    assert np.all(errors[1:] <= factor * errors[:-1] * (1 + 1e-9) + 1e-14)


def test_above_the_largest_rate_it_diverges() -> None:
    path = gradient_descent(slope, START, 1.05 * largest_rate(H), 200)
    errors = np.linalg.norm(path - OPTIMUM, axis=1)
    assert contraction(H, 1.05 * largest_rate(H)) > 1.0
    assert errors[-1] > 1e3 * errors[0]


def test_the_best_rate_is_the_best() -> None:
    rates = np.linspace(0.001, largest_rate(H), 400)
    factors = [contraction(H, rate) for rate in rates]
    assert contraction(H, best_rate(H)) <= min(factors) + 1e-12
    values = np.linalg.eigvalsh(H)
    kappa = values[-1] / values[0]
    assert contraction(H, best_rate(H)) == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
