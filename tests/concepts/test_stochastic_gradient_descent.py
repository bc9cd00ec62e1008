"""Stochastic gradient descent: torch's steps on the same batches, and noise as theory counts it."""

from itertools import combinations

import numpy as np
import pytest
import torch

from fivefold.concepts.stochastic_gradient_descent import (
    batches,
    gradient_noise,
    noise_floor,
    stochastic_gradient_descent,
)

X = np.random.default_rng(0).normal(size=(30, 3)) + 0.5
Y = X @ np.array([1.0, -2.0, 0.5]) + np.random.default_rng(1).normal(size=30)


def slope(w: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return X[rows].T @ (X[rows] @ w - Y[rows]) / len(rows)


def test_fast_path() -> None:
    generator = np.random.default_rng(2)
    plan = [rows for _ in range(4) for rows in batches(30, 8, generator)]
    w = torch.nn.Parameter(torch.tensor([3.0, 3.0, 3.0], dtype=torch.float64))
    optimizer, path = torch.optim.SGD([w], lr=0.05), [w.detach().numpy().copy()]
    for rows in plan:
        optimizer.zero_grad()
        (0.5 * (torch.tensor(X[rows]) @ w - torch.tensor(Y[rows])) ** 2).mean().backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    found = stochastic_gradient_descent(slope, np.full(3, 3.0), 0.05, plan)
    # The same sums up to the order of additions within a batch of eight.
    np.testing.assert_allclose(found, path, rtol=1e-12, atol=1e-13)


def test_an_epoch_reads_every_row_once() -> None:
    dealt = batches(30, 8, np.random.default_rng(3))
    assert sorted(np.concatenate(dealt)) == list(range(30))
    assert [len(rows) for rows in dealt] == [8, 8, 8, 6]


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_batches_are_right_on_average_and_their_noise_is_known(size: int) -> None:
    each = np.stack([slope(np.array([0.3, 0.2, 0.1]), np.array([i])) for i in range(6)])
    means = np.array([each[list(rows)].mean(axis=0) for rows in combinations(range(6), size)])
    np.testing.assert_allclose(means.mean(axis=0), each.mean(axis=0), atol=1e-14)
    spread = np.mean(np.sum((means - each.mean(axis=0)) ** 2, axis=1))
    assert gradient_noise(each, size) == pytest.approx(spread, rel=1e-12, abs=1e-28)


def test_a_constant_rate_hovers_at_the_floor() -> None:
    # 4000 walkers of 400 steps: the mean of ½λw² is known to about 2%; 8% is four times that.
    curvature, rate = 2.0, 0.3
    noise = np.random.default_rng(4).normal(size=(400, 4000))
    path = stochastic_gradient_descent(
        lambda w, row: curvature * w + noise[row], np.full(4000, 5.0), rate, list(range(400))
    )
    floor = noise_floor(curvature, rate, 1.0)
    assert 0.5 * curvature * np.mean(path[-1] ** 2) == pytest.approx(floor, rel=0.08)
    assert 0.5 * curvature * np.mean(path[-1] ** 2) != pytest.approx(2.0 * floor, rel=0.08)
