"""Residual connection: torch's signals and slopes, the identity among the paths, and the expected sizes."""

import numpy as np
import pytest
import torch

from fivefold.concepts.residual_connection import backward, forward, path_shares

Blocks = list[tuple[np.ndarray, np.ndarray]]


def drawn(generator: np.random.Generator, depth: int, width: int) -> Blocks:
    """Blocks whose answers have the mean square of their inputs."""
    return [
        (
            generator.normal(size=(width, width)) * np.sqrt(2.0 / width),
            generator.normal(size=(width, width)) / np.sqrt(width),
        )
        for _ in range(depth)
    ]


@pytest.mark.parametrize(("scale", "path"), [(1.0, 1.0), (0.4, 1.0), (1.0, 0.0), (0.7, 0.9)])
def test_fast_path(scale: float, path: float) -> None:
    generator = np.random.default_rng(0)
    blocks = drawn(generator, 6, 8)
    x, slope = generator.normal(1.0, 2.0, size=(5, 8)), generator.normal(1.0, 2.0, size=(5, 8))
    signals = [torch.from_numpy(x).requires_grad_()]
    for W, V in blocks:
        inside = torch.nn.functional.relu(signals[-1] @ torch.from_numpy(W)) @ torch.from_numpy(V)
        signals.append(path * signals[-1] + scale * inside)
    expected = torch.autograd.grad(signals[-1], signals, torch.from_numpy(slope))
    found = forward(x, blocks, scale, path)
    # Sums of eight terms, six layers deep: rounding stays below 1e-12 of the largest.
    for mine, torchs in zip(found, signals, strict=True):
        np.testing.assert_allclose(mine, torchs.detach().numpy(), rtol=1e-11, atol=1e-11)
    for mine, torchs in zip(backward(found, blocks, slope, scale, path), expected, strict=True):
        np.testing.assert_allclose(mine, torchs.numpy(), rtol=1e-11, atol=1e-11)


def test_the_identity_is_one_of_the_paths() -> None:
    generator = np.random.default_rng(1)
    blocks, x = drawn(generator, 5, 6), generator.normal(size=(1, 6))
    slope = generator.normal(size=(1, 6))
    silent = [(W, np.zeros_like(V)) for W, V in blocks]
    assert np.array_equal(backward(forward(x, silent), silent, slope)[0], slope)
    assert not np.any(backward(forward(x, silent, path=0.0), silent, slope, path=0.0)[0])
    # Small blocks: the slope is the identity plus s times the sum of what single blocks send back.
    s = 1e-6
    first = backward(forward(x, blocks, s), blocks, slope, s)[0] - slope
    alone = sum(backward(forward(x, [block], s), [block], slope, s)[0] - slope for block in blocks)
    np.testing.assert_allclose(first, alone, rtol=1e-4, atol=1e-10)


@pytest.mark.parametrize(("scale", "path"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.0), (0.6, 0.8)])
def test_expected_squares(scale: float, path: float) -> None:
    generator = np.random.default_rng(2)
    up, down = [], []
    for _ in range(1500):
        blocks = drawn(generator, 4, 12)
        x, slope = generator.normal(size=(1, 12)), generator.normal(size=(1, 12))
        signals = forward(x, blocks, scale, path)
        up.append(np.sum(signals[-1] ** 2) / np.sum(x**2))
        down.append(np.sum(backward(signals, blocks, slope, scale, path)[0] ** 2) / np.sum(slope**2))
    for found in (up, down):
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found) - (path**2 + scale**2) ** 4) < 4 * error


def test_shares_of_the_paths() -> None:
    generator = np.random.default_rng(3)
    depth, s, keep = 3, 0.8, 0.9
    squares = np.zeros(depth + 1)
    for _ in range(3000):
        matrices = generator.normal(size=(depth, 6, 6)) / np.sqrt(6)
        passed = [np.eye(6)[0]] + [np.zeros(6)] * depth  # what has passed k matrices so far
        for A in matrices:
            passed = [keep * passed[k] + (s * A @ passed[k - 1] if k else 0.0) for k in range(depth + 1)]
        squares += [np.sum(each**2) for each in passed]
    np.testing.assert_allclose(squares / squares.sum(), path_shares(depth, s, keep), atol=0.015)
    assert path_shares(20, 0.3).sum() == pytest.approx(1.0, rel=1e-12)
