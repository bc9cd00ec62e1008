"""Hierarchy of features: the layers of torch, corners at the corners, a square told from its parts."""

import numpy as np
import pytest
import torch

from fivefold.concepts.hierarchy_of_features import corners, edges, layer, square


def torch_layer(h: torch.Tensor, K: np.ndarray, b: float, window: int) -> torch.Tensor:
    t = K.shape[2]
    padded = torch.nn.functional.pad(h, (t // 2, (t - 1) // 2, t // 2, (t - 1) // 2))
    bias = torch.full((len(K),), -b, dtype=torch.float64)
    y = torch.nn.functional.relu(torch.nn.functional.conv2d(padded, torch.from_numpy(K), bias))
    return torch.nn.functional.max_pool2d(y, window)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (37, 26)])
def test_fast_path(height: int, width: int) -> None:
    generator = np.random.default_rng(0)
    h = generator.normal(1.0, 2.0, size=(1, height, width))
    torchs = torch.from_numpy(h)
    mixing = generator.normal(size=(5, 4, 2, 2))
    for K, b, window in ((edges(), 0.1, 2), (corners(), 1.0, 1), (mixing, -0.3, 3)):
        h, torchs = layer(h, K, b, window), torch_layer(torchs, K, b, window)
        # Sums of at most 36 products: rounding stays far below 1e-12 of their size.
        np.testing.assert_allclose(h, torchs.numpy(), rtol=1e-12, atol=1e-12)
    assert np.mean(h > 0.0) > 0.5


def picture(rows: slice, columns: slice) -> np.ndarray:
    x = np.zeros((1, 32, 32))
    x[0, rows, columns] = 1.0
    return x


@pytest.mark.parametrize(
    ("top", "left", "height", "width"), [(8, 8, 16, 16), (7, 5, 19, 20), (4, 11, 22, 12)]
)
def test_each_corner_answers_at_its_own_corner(top: int, left: int, height: int, width: int) -> None:
    x = picture(slice(top, top + height), slice(left, left + width))
    h = layer(layer(x, edges(), 0.0, 2), corners(), 1.0)
    for k, (row, column) in enumerate(
        (i, j) for i in (top, top + height - 1) for j in (left, left + width - 1)
    ):
        assert h[k].max() == 1.0
        places = np.argwhere(h[k] == 1.0)
        assert np.abs(places - [row // 2, column // 2]).max() <= 1


def test_a_rim_alone_is_no_corner_and_half_a_contrast_is_none() -> None:
    bar = picture(slice(None), slice(10, 20))
    inside = layer(layer(bar, edges(), 0.0, 2), corners(), 1.0)[:, 3:-3]
    assert not np.any(inside), "away from the ends"
    shape = picture(slice(8, 24), slice(8, 24))
    assert not np.any(layer(layer(0.5 * shape, edges(), 0.0, 2), corners(), 1.0))


def test_a_slanted_rim_is_no_corner() -> None:
    row, column = np.mgrid[0:32, 0:32]
    for k, bright in enumerate((row + column > 31, row > column, row < column, row + column < 31)):
        h = layer(layer(1.0 * bright[None], edges(), 0.0, 2), corners(), 1.0)
        assert not np.any(h[k, 3:-3, 3:-3]), "away from the ends"


def test_a_square_is_told_from_corners_that_lie_elsewhere() -> None:
    answers = []
    for x in (picture(slice(8, 24), slice(8, 24)), picture(slice(3, 13), slice(19, 29))):
        parts = layer(layer(x, edges(), 0.0, 2), corners(), 1.0, 8)
        np.testing.assert_array_equal(parts.max(axis=(1, 2)), 1.0)
        answers.append(float(layer(parts, square(), 3.0, 2).max()))
    assert answers == [1.0, 0.0]


@pytest.mark.parametrize("k", range(4))
def test_corners_are_turned_copies(k: int) -> None:
    # A picture mirrored left to right swaps left and right rims, and so the corners 0, 1 and 2, 3.
    x = np.random.default_rng(1).uniform(size=(1, 20, 20))
    h = layer(layer(x, edges(), 0.0), corners(), 1.0)
    mirrored = layer(layer(x[:, :, ::-1], edges(), 0.0), corners(), 1.0)
    np.testing.assert_allclose(mirrored[k ^ 1][:, ::-1], h[k], atol=1e-13)
