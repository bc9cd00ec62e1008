"""Convolution written out: against the fast path, its matrix, its adjoint, and its shifts."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.convolution import as_matrix, convolve, output_size, transposed

CASES = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 2), (4, 0)]


def random_case() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(1.0, 2.0, size=(2, 7, 9)), generator.normal(size=(3, 2, 3, 2))


@pytest.mark.parametrize(("stride", "padding"), CASES)
def test_fast_path(stride: int, padding: int) -> None:
    x, K = random_case()
    fast = linalg.Convolution(K, (7, 9), stride=stride, padding=padding)
    y = convolve(x, K, stride, padding)
    assert y.shape[1:] == (output_size(7, 3, stride, padding), output_size(9, 2, stride, padding))
    np.testing.assert_allclose(y.ravel(), fast @ x.ravel(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(as_matrix(K, (7, 9), stride, padding), fast.to_dense(), atol=1e-14)
    back = transposed(y, K, (7, 9), stride, padding)
    np.testing.assert_allclose(back.ravel(), fast.H @ y.ravel(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("stride", "padding"), CASES)
def test_the_transpose_is_the_adjoint(stride: int, padding: int) -> None:
    x, K = random_case()
    y = convolve(x, K, stride, padding)
    other = np.random.default_rng(1).normal(size=y.shape)
    assert np.sum(y * other) == pytest.approx(
        np.sum(x * transposed(other, K, (7, 9), stride, padding)), rel=1e-12
    )


def test_a_shifted_picture_gives_a_shifted_answer() -> None:
    x, K = random_case()
    moved = np.roll(x, (1, 2), axis=(1, 2))
    # Inside, where no window meets the edge that the shift wrapped round.
    np.testing.assert_allclose(convolve(moved, K)[:, 1:, 2:], convolve(x, K)[:, :-1, :-2], rtol=1e-13)


def test_a_stride_leaves_places_out() -> None:
    x, K = random_case()
    np.testing.assert_array_equal(convolve(x, K, stride=2, padding=1), convolve(x, K, padding=1)[:, ::2, ::2])


@pytest.mark.parametrize(("n", "window", "stride", "padding"), [(7, 3, 2, 1), (224, 7, 2, 3), (5, 5, 1, 0)])
def test_sizes_are_counted_right(n: int, window: int, stride: int, padding: int) -> None:
    places = [at for at in range(0, n + 2 * padding, stride) if at + window <= n + 2 * padding]
    assert output_size(n, window, stride, padding) == len(places)
