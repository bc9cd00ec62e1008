"""Adam: torch's walk, steps bounded by the rate, and the sequence of slopes that it climbs."""

from itertools import cycle

import numpy as np
import pytest
import torch

from fivefold.concepts.adam import adam, uncorrected_step

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 60.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5)])
def test_fast_path(betas: tuple[float, float]) -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer, path = torch.optim.Adam([w], lr=0.1, betas=betas), [START]
    for _ in range(80):
        optimizer.zero_grad()
        away = w - torch.tensor(OPTIMUM)
        (0.5 * away @ torch.tensor(H) @ away).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    found = adam(lambda w: H @ (w - OPTIMUM), START, 0.1, 80, betas)
    np.testing.assert_allclose(found, path, rtol=1e-9, atol=1e-10)


def test_the_first_step_is_the_rate_whatever_the_scale() -> None:
    for scale in (1e-4, 1.0, 1e6):
        path = adam(lambda w, scale=scale: scale * (w - OPTIMUM), START, 0.1, 1)
        np.testing.assert_allclose(path[1] - path[0], -0.1 * np.sign(START - OPTIMUM), rtol=1e-4)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_without_the_corrections_the_first_steps_are_too_long(betas: tuple[float, float]) -> None:
    path = adam(lambda w: np.full(1, -2.0), np.zeros(1), 1.0, 20, betas, corrected=False)
    np.testing.assert_allclose(np.diff(path[:, 0]), uncorrected_step(betas, 20), rtol=1e-6)
    steady = adam(lambda w: np.full(1, -2.0), np.zeros(1), 1.0, 20, betas)
    np.testing.assert_allclose(np.diff(steady[:, 0]), 1.0, rtol=1e-6)
    assert uncorrected_step((0.9, 0.999), 10)[-1] == pytest.approx(6.5, abs=0.05)


@pytest.mark.parametrize(("second", "sign"), [(0.1, 1.0), (0.99, -1.0)])
def test_a_short_memory_walks_up_a_mean_slope(second: float, sign: float) -> None:
    """Reddi, Kale and Kumar: slopes 3, −1, −1 go down to the left; with β₂ = 1/(1 + 3²) Adam goes right."""
    slopes = cycle([3.0, -1.0, -1.0])
    path = adam(lambda w: np.array([next(slopes)]), np.zeros(1), 0.1, 300, (0.0, second))
    assert sign * path[-1, 0] > 1.0
