"""Pooling written out: against the fast path, its gradient, and what it does not see."""

import numpy as np
import pytest
import torch

from fivefold.concepts.pooling import max_pool, max_pool_gradient, mean_pool, patches

CASES = [(2, 2), (3, 3), (3, 1), (3, 2), (2, 3), (9, 9)]


def picture() -> np.ndarray:
    return np.random.default_rng(0).normal(2.0, 3.0, size=(9, 11))


@pytest.mark.parametrize(("window", "stride"), CASES)
def test_fast_path(window: int, stride: int) -> None:
    x = picture()
    t = torch.tensor(x, requires_grad=True)
    largest = torch.nn.functional.max_pool2d(t[None, None], window, stride)
    mean = torch.nn.functional.avg_pool2d(t[None, None], window, stride)
    np.testing.assert_array_equal(max_pool(x, window, stride), largest[0, 0].detach().numpy())
    np.testing.assert_allclose(
        mean_pool(x, window, stride), mean[0, 0].detach().numpy(), rtol=1e-12, atol=1e-12
    )
    dy = np.random.default_rng(1).normal(size=largest.shape[2:])
    (gradient,) = torch.autograd.grad(largest, t, torch.tensor(dy)[None, None])
    np.testing.assert_allclose(max_pool_gradient(x, dy, window, stride), gradient.numpy(), rtol=1e-12)


def test_global_pooling_is_one_number() -> None:
    x = picture()[:, :9]
    assert mean_pool(x, 9, 1)[0, 0] == pytest.approx(x.mean(), rel=1e-13)
    assert max_pool(x, 9, 1)[0, 0] == x.max()


def test_the_arrangement_within_a_patch_is_not_seen() -> None:
    x = picture()[:, :9]
    turned = x.copy()
    for i in range(0, 9, 3):
        for j in range(0, 9, 3):
            turned[i : i + 3, j : j + 3] = x[i : i + 3, j : j + 3][::-1, ::-1]
    assert not np.array_equal(turned, x)
    np.testing.assert_array_equal(max_pool(turned, 3, 3), max_pool(x, 3, 3))
    np.testing.assert_allclose(mean_pool(turned, 3, 3), mean_pool(x, 3, 3), rtol=1e-13)


def test_translation_and_scale() -> None:
    x = picture()
    np.testing.assert_allclose(max_pool(2.0 * x + 5.0, 2, 2), 2.0 * max_pool(x, 2, 2) + 5.0, rtol=1e-13)
    np.testing.assert_allclose(mean_pool(-x, 2, 2), -mean_pool(x, 2, 2), rtol=1e-13)
    assert np.all(max_pool(x, 2, 2) >= mean_pool(x, 2, 2))


def test_one_pixel_can_change_everything() -> None:
    row = np.tile([0.0, 0.0, 1.0, 1.0], (2, 4))
    np.testing.assert_array_equal(max_pool(row, 2, 2)[0], [0, 1, 0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(max_pool(np.roll(row, 1, axis=1), 2, 2)[0], 1.0)


def test_what_is_left_over_at_the_edge_is_dropped() -> None:
    assert patches(picture(), window=2, stride=2).shape == (4, 5, 4)
