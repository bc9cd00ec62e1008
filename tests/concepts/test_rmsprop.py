"""RMSProp: torch's walk, steps of a fixed length, and no rest at a constant rate."""

import numpy as np
import pytest
import torch

from fivefold.concepts.rmsprop import rmsprop, steady_step

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 60.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


@pytest.mark.parametrize("alpha", [0.5, 0.99])
def test_fast_path(alpha: float) -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer, path = torch.optim.RMSprop([w], lr=0.05, alpha=alpha), [START]
    for _ in range(60):
        optimizer.zero_grad()
        away = w - torch.tensor(OPTIMUM)
        (0.5 * away @ torch.tensor(H) @ away).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    found = rmsprop(lambda w: H @ (w - OPTIMUM), START, 0.05, 60, alpha)
    np.testing.assert_allclose(found, path, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("steepness", [1e-3, 1.0, 1e3])
def test_on_a_steady_slope_the_steps_are_known_whatever_its_size(steepness: float) -> None:
    path = rmsprop(lambda w: np.full(1, -steepness), np.zeros(1), 0.1, 50, alpha=0.9)
    # 1e-8 is added to a size of at least 3e-4
    np.testing.assert_allclose(np.diff(path[:, 0]), steady_step(0.1, 0.9, 50), rtol=1e-4)
    assert steady_step(0.1, 0.9, 200)[-1] == pytest.approx(0.1, rel=1e-8)


@pytest.mark.parametrize("curvature", [0.5, 8.0])
@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_it_hovers_half_a_rate_from_the_floor(curvature: float, rate: float) -> None:
    """w → −w with |w| = η/2 repeats for ever: the slope's size is then the same at each step."""
    path = rmsprop(lambda w: curvature * w, np.ones(1), rate, 3000, alpha=0.5)
    np.testing.assert_allclose(np.abs(path[-10:, 0]), rate / 2, rtol=1e-3)
