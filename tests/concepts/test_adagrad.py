"""Adagrad: torch's walk, blind to the scale of an axis, and never farther than its sum allows."""

import numpy as np
import pytest
import torch

from fivefold.concepts.adagrad import adagrad, farthest, rates_left

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 60.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


def slope(w: np.ndarray) -> np.ndarray:
    return H @ (w - OPTIMUM)


def test_fast_path() -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer, path = torch.optim.Adagrad([w], lr=0.5), [START]
    for _ in range(60):
        optimizer.zero_grad()
        away = w - torch.tensor(OPTIMUM)
        (0.5 * away @ torch.tensor(H) @ away).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    np.testing.assert_allclose(adagrad(slope, START, 0.5, 60), path, rtol=1e-11, atol=1e-12)


def test_the_scale_of_an_axis_does_not_matter() -> None:
    scale = np.array([1.0, 100.0, 0.01])
    plain = adagrad(lambda w: w, START, 0.5, 30)
    scaled = adagrad(lambda w: scale * w, START, 0.5, 30)
    np.testing.assert_allclose(scaled, plain, atol=1e-7)  # 1e-10 is added to sizes of 0.01 and more


def test_the_rates_that_are_left_are_those_it_used() -> None:
    path = adagrad(slope, START, 0.5, 20)
    slopes = np.array([slope(w) for w in path[:-1]])
    np.testing.assert_allclose(np.diff(path, axis=0), -rates_left(slopes, 0.5) * slopes, atol=1e-8)
    assert np.all(np.diff(rates_left(slopes, 0.5), axis=0) <= 0.0)


@pytest.mark.parametrize("steps", [1, 10, 400])
def test_a_steady_slope_takes_it_so_far_and_no_farther(steps: int) -> None:
    path = adagrad(lambda w: np.full(1, -7.0), np.zeros(1), 0.1, steps)
    assert path[-1, 0] == pytest.approx(farthest(0.1, steps), rel=1e-9)
    assert abs(farthest(0.1, steps) - 0.2 * np.sqrt(steps)) < 0.15
