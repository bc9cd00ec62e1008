"""Cubic regularisation: our step, the conditions of a global minimum, and a model that lies above."""

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.cubic_regularisation import cubic_regularisation, cubic_step
from fivefold.optimize.methods import secular


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    H = generator.normal(size=(5, 5)) + 1.5 * np.eye(5)
    return generator.normal(size=5), 0.5 * (H + H.T)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 30.0])
def test_fast_path(sigma: float) -> None:
    for seed in range(4):
        g, H = problem(seed)
        values, vectors = np.linalg.eigh(H)
        charge = torch.tensor([sigma], dtype=torch.float64)
        theirs = secular.cubic_step(torch.tensor(values)[None], torch.tensor(vectors.T @ g)[None], charge)
        np.testing.assert_allclose(cubic_step(g, H, sigma), vectors @ theirs[0].numpy(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 2.0])
def test_the_step_is_the_global_minimum(sigma: float) -> None:
    generator = np.random.default_rng(0)
    for seed in range(4):
        g, H = problem(seed)
        s = cubic_step(g, H, sigma)
        multiplier = sigma * np.linalg.norm(s)
        np.testing.assert_allclose((H + multiplier * np.eye(5)) @ s, -g, atol=1e-7)
        assert np.linalg.eigvalsh(H)[0] + multiplier >= -1e-9

        def model(p: np.ndarray, g: np.ndarray = g, H: np.ndarray = H) -> float:
            return float(g @ p + 0.5 * p @ H @ p + sigma / 3 * np.linalg.norm(p) ** 3)

        others = np.linalg.norm(s) * generator.normal(size=(300, 5))
        assert model(s) < min(model(p) for p in others)


def test_it_ends_where_the_fast_path_does() -> None:
    start = np.array([0.0, 1.5])  # on the ridge, where the slope leads to the saddle
    points, sigmas = cubic_regularisation(
        lambda w: float(0.25 * w[0] ** 4 - 0.5 * w[0] ** 2 + 0.5 * w[1] ** 2),
        lambda w: (np.array([w[0] ** 3 - w[0], w[1]]), np.diag([3 * w[0] ** 2 - 1, 1.0])),
        start,
        1.0,
        60,
    )
    np.testing.assert_allclose(np.abs(points[-1]), [1.0, 0.0], atol=1e-6)
    assert len(points) == len(sigmas)
    objective = ff.Objective.from_function(
        lambda w: 0.25 * w[..., 0] ** 4 - 0.5 * w[..., 0] ** 2 + 0.5 * w[..., 1] ** 2, torch.tensor(start)
    )
    theirs = ff.minimize(objective, method="cubic").w
    np.testing.assert_allclose(np.abs(points[-1]), np.abs(theirs.numpy()), atol=1e-6)


@pytest.mark.parametrize("at", [-1.5, 0.3, 0.9])
def test_with_enough_charge_every_step_gains_what_it_promises(at: float) -> None:
    """On ¼w⁴ − ½w² over [−2, 2] the second derivative changes by at most 12 per unit: σ = 6 covers it."""

    def height(w: float) -> float:
        return 0.25 * w**4 - 0.5 * w**2

    g, h = at**3 - at, 3 * at**2 - 1
    s = float(cubic_step(np.array([g]), np.array([[h]]), 6.0)[0])
    promised = -(g * s + 0.5 * h * s * s + 2.0 * abs(s) ** 3)
    assert promised > 0.0
    assert height(at) - height(at + s) >= promised


def test_nothing_to_do() -> None:
    np.testing.assert_array_equal(cubic_step(np.zeros(2), np.zeros((2, 2)), 1.0), np.zeros(2))
