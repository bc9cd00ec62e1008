"""Trust region: our step in the ball, SciPy's minimum, the conditions of optimality, and the hard case."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import fivefold as ff
from fivefold.concepts.trust_region import trust_region, trust_step
from fivefold.optimize.methods.secular import ball_step


def rosenbrock(w: np.ndarray) -> float:
    return float((1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2)


def derivatives(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    off = w[1] - w[0] ** 2
    g = np.array([-2 * (1 - w[0]) - 400 * w[0] * off, 200 * off])
    return g, np.array([[2 - 400 * (w[1] - 3 * w[0] ** 2), -400 * w[0]], [-400 * w[0], 200.0]])


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    H = generator.normal(size=(5, 5)) + 1.5 * np.eye(5)
    return generator.normal(size=5), 0.5 * (H + H.T)


@pytest.mark.parametrize("radius", [1e-3, 0.3, 1.0, 10.0])
def test_fast_path(radius: float) -> None:
    for seed in range(12):  # most of them indefinite
        g, H = problem(seed)
        values, vectors = np.linalg.eigh(H)
        within = torch.tensor([radius], dtype=torch.float64)
        theirs = ball_step(torch.tensor(values)[None], torch.tensor(vectors.T @ g)[None], within)[0].numpy()
        np.testing.assert_allclose(trust_step(g, H, radius)[0], vectors @ theirs, rtol=1e-8, atol=1e-10)


def test_it_ends_where_the_fast_paths_do() -> None:
    start = np.array([-1.2, 1.0])
    points, radii = trust_region(rosenbrock, derivatives, start, 1.0, 100)
    scipys = minimize(
        rosenbrock,
        start,
        jac=lambda w: derivatives(w)[0],
        hess=lambda w: derivatives(w)[1],
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    np.testing.assert_allclose(points[-1], scipys.x, atol=1e-6)
    objective = ff.Objective.from_function(
        lambda w: (1 - w[..., 0]) ** 2 + 100 * (w[..., 1] - w[..., 0] ** 2) ** 2, torch.tensor(start)
    )
    np.testing.assert_allclose(points[-1], ff.minimize(objective, method="trust-region").w, atol=1e-6)
    assert len(points) == len(radii) < 60
    assert np.all(np.diff([rosenbrock(w) for w in points]) <= 0.0)


@pytest.mark.parametrize("radius", [0.05, 0.8, 4.0])
def test_the_step_meets_the_conditions_of_more_and_sorensen(radius: float) -> None:
    for seed in range(12):
        g, H = problem(seed)
        s, multiplier = trust_step(g, H, radius)
        np.testing.assert_allclose((H + multiplier * np.eye(5)) @ s, -g, atol=1e-8)
        assert np.linalg.norm(s) <= radius * (1 + 1e-9)
        assert multiplier * (radius - np.linalg.norm(s)) == pytest.approx(0.0, abs=1e-8)
        assert np.linalg.eigvalsh(H)[0] + multiplier >= -1e-9


def test_the_hard_case_fills_up_the_length() -> None:
    g, H = np.array([0.0, 3.0]), np.diag([-1.0, 2.0])
    s, multiplier = trust_step(g, H, 3.0)
    assert multiplier == pytest.approx(1.0)
    assert s[1] == pytest.approx(-1.0)
    assert abs(s[0]) == pytest.approx(np.sqrt(8.0))
    still, _ = trust_step(np.zeros(2), H, 0.5)
    assert abs(still[0]) == pytest.approx(0.5)


def test_a_bowl_inside_is_newton_s_step() -> None:
    s, multiplier = trust_step(np.array([2.0, 4.0]), np.diag([2.0, 8.0]), 5.0)
    np.testing.assert_allclose(s, [-1.0, -0.5])
    assert multiplier == 0.0
