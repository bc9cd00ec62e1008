"""One-sided Jacobi: against the fast path, Eckart and Young, and the four equations of Penrose."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.svd import low_rank, pseudo_inverse, svd


@pytest.mark.parametrize("shape", [(2, 2), (5, 3), (12, 12), (30, 8)])
def test_fast_path(shape: tuple[int, int]) -> None:
    A = np.random.default_rng(sum(shape)).normal(0.5, 2.0, shape)
    U, s, Vt = svd(A)
    fast = linalg.svd(A)
    np.testing.assert_allclose(s, fast.values, atol=1e-13 * s[0])
    np.testing.assert_allclose(np.abs(np.sum(Vt.T * fast.V, axis=0)), 1.0, atol=1e-10)
    np.testing.assert_allclose((U * s) @ Vt, A, atol=1e-13 * s[0])
    np.testing.assert_allclose(U.T @ U, np.eye(shape[1]), atol=1e-11)


def test_small_singular_values_keep_their_digits() -> None:
    # One-sided Jacobi knows for its tiny values too: columns that differ in scale only are no obstacle.
    A = np.random.default_rng(0).normal(size=(20, 4)) * np.array([1.0, 1e-4, 1e-8, 1e-12])
    scaled = svd(A)[1]
    _Q, R = np.linalg.qr(A)
    assert scaled[-1] == pytest.approx(abs(R[-1, -1]), rel=1e-3)
    assert scaled[-1] < 1e-11


def test_eckart_and_young() -> None:
    A = np.random.default_rng(1).normal(size=(10, 6))
    s = svd(A)[1]
    for k in range(1, 6):
        error = np.linalg.norm(A - low_rank(A, k))
        assert error == pytest.approx(np.sqrt(np.sum(s[k:] ** 2)), rel=1e-11)
        for other in np.random.default_rng(k).normal(size=(5, 10, k)):
            basis, _ = np.linalg.qr(other)
            assert np.linalg.norm(A - basis @ basis.T @ A) > error


def test_penrose() -> None:
    G = np.random.default_rng(2)
    A = G.normal(size=(9, 3)) @ G.normal(size=(3, 5))  # rank 3 of 5
    P = pseudo_inverse(A)
    np.testing.assert_allclose(A @ P @ A, A, atol=1e-12)
    np.testing.assert_allclose(P @ A @ P, P, atol=1e-12)
    np.testing.assert_allclose((A @ P).T, A @ P, atol=1e-12)
    np.testing.assert_allclose((P @ A).T, P @ A, atol=1e-12)


def test_a_matrix_of_zeros() -> None:
    U, s, Vt = svd(np.zeros((3, 2)))
    np.testing.assert_array_equal(s, 0.0)
    np.testing.assert_array_equal(U, 0.0)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(2))
