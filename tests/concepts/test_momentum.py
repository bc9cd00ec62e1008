"""Momentum: torch's walk in both forms, and the pace that the companion matrix foretells."""

import numpy as np
import pytest
import torch

from fivefold.concepts.gradient_descent import gradient_descent
from fivefold.concepts.momentum import best_setting, contraction, momentum

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 6.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


def slope(w: np.ndarray) -> np.ndarray:
    return H @ (w - OPTIMUM)


@pytest.mark.parametrize("nesterov", [False, True])
def test_fast_path(nesterov: bool) -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.7, nesterov=nesterov)
    path = [START]
    for _ in range(40):
        optimizer.zero_grad()
        away = w - torch.tensor(OPTIMUM)
        (0.5 * away @ torch.tensor(H) @ away).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    np.testing.assert_allclose(momentum(slope, START, 0.1, 0.7, 40, nesterov), path, rtol=1e-11, atol=1e-13)


def test_without_memory_it_is_gradient_descent() -> None:
    np.testing.assert_array_equal(momentum(slope, START, 0.1, 0.0, 9), gradient_descent(slope, START, 0.1, 9))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("rate", "beta"), [(0.02, 0.9), (0.1, 0.5), (0.25, 0.3), (0.05, 0.99)])
def test_the_pace_is_the_spectral_radius(rate: float, beta: float, nesterov: bool) -> None:
    values = np.linalg.eigvalsh(H)
    radii = []
    for value in values:
        left = 1.0 - rate * value if nesterov else 1.0
        first = (1.0 + beta) * left if nesterov else 1.0 + beta - rate * value
        radii.append(np.abs(np.linalg.eigvals([[first, -beta * left], [1.0, 0.0]])).max())
    assert contraction(values, rate, beta, nesterov) == pytest.approx(max(radii), rel=1e-9)
    errors = np.linalg.norm(momentum(slope, START, rate, beta, 800, nesterov) - OPTIMUM, axis=1)
    if errors[400] > 1e-12:
        pace = (errors[700:800].max() / errors[300:400].max()) ** (1 / 400)
        assert errors[700] < 1e-10 or pace == pytest.approx(max(radii), abs=2e-3)


def test_polyak_s_setting_takes_the_root_of_the_condition_number() -> None:
    curvatures = np.array([1.0, 25.0, 100.0])
    rate, beta = best_setting(curvatures)
    assert contraction(curvatures, rate, beta) == pytest.approx(9.0 / 11.0, rel=1e-6)
    others = [contraction(curvatures, rate * a, beta * b) for a in (0.9, 1.1) for b in (0.9, 1.1)]
    assert min(others) > 9.0 / 11.0


def test_beyond_its_largest_rate_it_diverges() -> None:
    beta, steepest = 0.5, np.linalg.eigvalsh(H)[-1:]
    limit = 2.0 * (1.0 + beta) / steepest[0]
    assert contraction(steepest, 0.99 * limit, beta) < 1.0 < contraction(steepest, 1.01 * limit, beta)
