"""Batch normalisation: torch's outputs, running averages and slopes, for rows and for pictures."""

import numpy as np
import pytest
import torch

from fivefold.concepts.batch_normalisation import backward, moments, normalised, running


def case(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x, g = generator.normal(3.0, 2.0, size=shape), generator.normal(1.0, 2.0, size=shape)
    return x, g, generator.normal(1.5, 0.5, size=shape[1]), generator.normal(size=shape[1])


def as_rows(x: np.ndarray) -> np.ndarray:
    """Make every pixel of every picture a row: [rows, channels]."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


@pytest.mark.parametrize("shape", [(7, 3), (2, 3), (4, 3, 5, 2)])
def test_fast_path(shape: tuple[int, ...]) -> None:
    x, g, gamma, beta = case(shape)
    leaf, weight, bias = (torch.from_numpy(each).requires_grad_() for each in (x, gamma, beta))
    m, V = torch.full((3,), 0.5, dtype=torch.float64), torch.full((3,), 2.0, dtype=torch.float64)
    before = m.numpy().copy(), V.numpy().copy()
    y = torch.nn.functional.batch_norm(leaf, m, V, weight, bias, training=True, momentum=0.2, eps=1e-3)
    y.backward(torch.from_numpy(g))
    rows = as_rows(x)
    hat = normalised(rows, *moments(rows), eps=1e-3)
    # Well conditioned but for the difference of large slopes: rounding stays below 1e-12.
    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(as_rows(y.detach().numpy()), gamma * hat + beta, **close)
    kept = running(before, rows, rate=0.2)
    np.testing.assert_allclose((m.numpy(), V.numpy()), kept, **close)
    for found, leaf_of in zip(backward(rows, as_rows(g), gamma, 1e-3), (leaf, weight, bias), strict=True):
        assert leaf_of.grad is not None
        expected = leaf_of.grad.numpy()
        np.testing.assert_allclose(found, as_rows(expected) if expected.ndim > 1 else expected, **close)
    still = torch.nn.functional.batch_norm(leaf, m, V, weight, bias, training=False, eps=1e-3)
    np.testing.assert_allclose(
        as_rows(still.detach().numpy()), gamma * normalised(rows, *kept, 1e-3) + beta, **close
    )


def test_the_slope_by_differences() -> None:
    x, g, gamma, beta = case((6, 2))
    h, found = 1e-6, backward(x, g, gamma)[0]
    for i, channel in ((0, 0), (4, 1)):
        pair = []
        for sign in (1.0, -1.0):
            moved = x.copy()
            moved[i, channel] += sign * h
            pair.append(np.sum(g * (gamma * normalised(moved, *moments(moved)) + beta)))
        assert found[i, channel] == pytest.approx((pair[0] - pair[1]) / (2 * h), rel=1e-6)


def test_what_the_batch_has_in_common_gets_no_slope() -> None:
    x, g, gamma, _ = case((9, 3))
    slope = backward(x, g, gamma, eps=0.0)[0]
    np.testing.assert_allclose(slope.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.sum(slope * x, axis=0), 0.0, atol=1e-11)
    moved = 4.0 * x - 7.0
    np.testing.assert_allclose(
        normalised(moved, *moments(moved), eps=0.0), normalised(x, *moments(x), eps=0.0), atol=1e-12
    )


def test_a_batch_of_two_leaves_a_sign() -> None:
    x = np.array([[2.0, 0.3], [2.5, -4.0]])
    np.testing.assert_allclose(normalised(x, *moments(x), eps=0.0), [[-1.0, 1.0], [1.0, -1.0]], atol=1e-12)
    np.testing.assert_allclose(backward(x, x**2, np.ones(2), eps=0.0)[0], 0.0, atol=1e-11)


def test_running_averages_tend_to_the_unbiased_moments() -> None:
    generator = np.random.default_rng(1)
    kept, seen = (np.zeros(1), np.ones(1)), []
    for _ in range(4000):
        kept = running(kept, generator.normal(3.0, 2.0, size=(4, 1)), rate=0.05)
        seen.append((kept[0][0], kept[1][0]))
    mean, variance = np.mean(seen[200:], axis=0)
    assert mean == pytest.approx(3.0, abs=0.07)  # four standard errors
    assert variance == pytest.approx(4.0, abs=0.2)
