"""Depthwise separable convolution: torch's groups, one merged window, and products counted one by one."""

import numpy as np
import pytest
import torch

from fivefold.concepts.depthwise_convolution import grouped, merged, nearest, separable, share_of_products


def conv2d(x: np.ndarray, K: np.ndarray, groups: int = 1) -> np.ndarray:
    return torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(K), groups=groups).numpy()


@pytest.mark.parametrize(("groups", "out"), [(1, 5), (2, 6), (3, 6), (6, 6), (6, 12)])
def test_fast_path(groups: int, out: int) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(1.0, 2.0, size=(6, 8, 7))
    K = generator.normal(1.0, 2.0, size=(out, 6 // groups, 3, 3))
    # Sums of at most 54 products: rounding stays below 1e-12 of them.
    np.testing.assert_allclose(grouped(x, K, groups), conv2d(x, K, groups), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("m", [1, 2])
def test_separable_is_grouped_then_pointwise_and_one_window(m: int) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(1.0, 2.0, size=(4, 8, 7))
    D, P = generator.normal(size=(4, m, 3, 3)), generator.normal(size=(5, 4, m))
    expected = conv2d(conv2d(x, D.reshape(4 * m, 1, 3, 3), groups=4), P.reshape(5, 4 * m, 1, 1))
    np.testing.assert_allclose(separable(x, D, P), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(conv2d(x, merged(D, P)), expected, rtol=1e-11, atol=1e-11)


def test_the_nearest_is_exact_where_the_rank_allows_it_and_the_best_elsewhere() -> None:
    generator = np.random.default_rng(2)
    D, P = generator.normal(size=(3, 2, 3, 3)), generator.normal(size=(7, 3, 2))
    K = merged(D, P)
    np.testing.assert_allclose(merged(*nearest(K, 2)), K, atol=1e-12)
    K = generator.normal(size=(7, 3, 3, 3))
    np.testing.assert_allclose(merged(*nearest(K, 7)), K, atol=1e-12)
    for m in (1, 3):
        D, P = nearest(K, m)
        assert D.shape == (3, m, 3, 3)
        assert P.shape == (7, 3, m)
        left = K - merged(D, P)
        # At a least squares optimum, the residual of each channel is at right angles to both factors.
        np.testing.assert_allclose(np.einsum("ocab,cmab->ocm", left, D), 0.0, atol=1e-12)
        np.testing.assert_allclose(np.einsum("ocab,ocm->cmab", left, P), 0.0, atol=1e-12)
        tails = [np.sum(np.linalg.svd(K[:, c].reshape(7, 9))[1][m:] ** 2) for c in range(3)]
        assert np.sum(left**2) == pytest.approx(sum(tails), rel=1e-12)


@pytest.mark.parametrize(("channels", "out", "window", "m"), [(3, 4, 3, 1), (8, 16, 5, 1), (4, 6, 3, 2)])
def test_products_counted_one_by_one(channels: int, out: int, window: int, m: int) -> None:
    ordinary = sum(1 for _ in np.ndindex(out, channels, window, window))
    depthwise = sum(1 for _ in np.ndindex(channels, m, window, window))
    pointwise = sum(1 for _ in np.ndindex(out, channels * m))
    assert share_of_products(out, window, m) == pytest.approx((depthwise + pointwise) / ordinary, rel=1e-14)


def test_without_mixing_a_channel_stays_alone() -> None:
    generator = np.random.default_rng(3)
    x, K = generator.normal(size=(4, 6, 6)), generator.normal(size=(4, 1, 3, 3))
    before = grouped(x, K, groups=4)
    x[2] += 1.0
    changed = np.any(grouped(x, K, groups=4) != before, axis=(1, 2))
    np.testing.assert_array_equal(changed, [False, False, True, False])
