"""L-BFGS: our memory's directions, torch's walk, the dense formula of BFGS, and its limit."""

import numpy as np
import pytest
import torch

from fivefold.concepts.lbfgs import direction, lbfgs
from fivefold.optimize.methods.lbfgs import Memory

H = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 6.0]])
OPTIMUM = np.array([1.0, -2.0, 0.5])
START = np.array([4.0, 3.0, -2.0])


def value(w: np.ndarray) -> float:
    return float(0.5 * (w - OPTIMUM) @ H @ (w - OPTIMUM))


def slope(w: np.ndarray) -> np.ndarray:
    return H @ (w - OPTIMUM)


def random_pairs(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(seed)
    steps = generator.normal(size=(count, 3))
    return [(s, H @ s + 0.1 * generator.normal() * s) for s in steps]


@pytest.mark.parametrize("memory", [1, 2, 10])
def test_fast_path(memory: int) -> None:
    kept, pairs = Memory(memory), random_pairs(0, 4)
    for s, y in pairs:
        kept.push(torch.tensor(s)[None], torch.tensor(y)[None])
    g = np.array([1.0, -2.0, 3.0])
    theirs = kept.direction(torch.tensor(g)[None])[0].numpy()
    np.testing.assert_allclose(direction(g, pairs[-memory:]), theirs, rtol=1e-12)


@pytest.mark.parametrize("memory", [1, 5])
def test_torch_walks_the_same_way_where_whole_steps_gain(memory: int) -> None:
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer = torch.optim.LBFGS([w], lr=1.0, max_iter=1, history_size=memory)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        away = w - torch.tensor(OPTIMUM)
        loss = 0.5 * away @ torch.tensor(H) @ away
        loss.backward()
        return loss

    path = [START]
    for _ in range(6):
        optimizer.step(closure)
        path.append(w.detach().numpy().copy())
    np.testing.assert_allclose(lbfgs(value, slope, START, memory, 6), path, rtol=1e-9, atol=1e-10)


def test_the_two_loops_are_the_dense_formula() -> None:
    pairs = random_pairs(1, 3)
    s, y = pairs[-1]
    inverse = (s @ y) / (y @ y) * np.eye(3)
    for s, y in pairs:
        V = np.eye(3) - np.outer(y, s) / (s @ y)
        inverse = V.T @ inverse @ V + np.outer(s, s) / (s @ y)
    g = np.array([0.3, 2.0, -1.0])
    np.testing.assert_allclose(direction(g, pairs), -inverse @ g, rtol=1e-12)
    np.testing.assert_allclose(direction(y, pairs), -s, rtol=1e-12)  # the newest pair is explained
    np.testing.assert_array_equal(direction(g, []), -g)


def test_it_goes_round_the_bend_of_rosenbrock_s_valley() -> None:
    def rosenbrock(w: np.ndarray) -> float:
        return float((1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2)

    def rosenbrock_slope(w: np.ndarray) -> np.ndarray:
        bend = w[1] - w[0] ** 2
        return np.array([-2 * (1 - w[0]) - 400 * w[0] * bend, 200 * bend])

    path = lbfgs(rosenbrock, rosenbrock_slope, np.array([-1.2, 1.0]), 5, 100)
    np.testing.assert_allclose(path[-1], 1.0, atol=1e-6)
    heights = [rosenbrock(w) for w in path]
    assert np.all(np.diff(heights) <= 0.0)


def test_a_pair_that_curves_down_is_refused() -> None:
    # on −½w² + ¼w⁴ from 0.1 the slope falls along the first step; a pair taken would turn the walk uphill
    path = lbfgs(
        lambda w: float(0.25 * w[0] ** 4 - 0.5 * w[0] ** 2), lambda w: w**3 - w, np.array([0.1]), 3, 60
    )
    assert path[-1, 0] == pytest.approx(1.0, abs=1e-6)
