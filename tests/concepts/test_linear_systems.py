"""Elimination: against the fast path, exact on its own identities, and wrecked by a tiny pivot."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.linear_systems import eliminate, inverse, solve


def random_system(n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n)
    return generator.normal(size=(n, n)) + 0.5, generator.normal(3.0, 2.0, size=n)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_fast_path(n: int) -> None:
    A, b = random_system(n)
    # Two ways of rounding differ by some condition numbers times 1e-16; these are below a thousand.
    np.testing.assert_allclose(solve(A, b), linalg.solve(A, b).x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(inverse(A), linalg.inverse(A).to_dense(), rtol=1e-10, atol=1e-11)


def test_the_triangles_multiply_to_the_matrix_with_its_rows_exchanged() -> None:
    A, _ = random_system(7)
    order, L, U = eliminate(A)
    np.testing.assert_allclose(L @ U, A[order], atol=1e-14 * np.abs(A).max() * 7)
    np.testing.assert_array_equal(L, np.tril(L))
    np.testing.assert_array_equal(U, np.triu(U))
    np.testing.assert_array_equal(np.diag(L), 1.0)
    assert np.abs(L).max() <= 1.0, "with the largest entry first no multiple exceeds one"
    assert sorted(order) == list(range(7))


def test_the_determinant_is_the_product_of_pivots() -> None:
    A, _ = random_system(6)
    order, _, U = eliminate(A)
    sign = np.linalg.det(np.eye(6)[order])
    assert sign * np.prod(np.diag(U)) == pytest.approx(np.linalg.det(A), rel=1e-12)


def test_several_right_hand_sides_are_solved_at_once() -> None:
    A, _ = random_system(4)
    B = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(solve(A, B), np.linalg.solve(A, B), rtol=1e-12, atol=1e-12)


def test_a_tiny_pivot_needs_an_exchange() -> None:
    A, x = np.array([[1e-17, 1.0], [1.0, 2.0]]), np.array([1.0, -0.7])
    np.testing.assert_allclose(solve(A, A @ x), x, atol=1e-15)
    assert np.abs(solve(A, A @ x, exchange=False) - x).max() > 0.1


def test_a_column_without_a_pivot_is_refused() -> None:
    with pytest.raises(ZeroDivisionError, match="column 1 has no pivot"):
        solve(np.array([[1.0, 2.0], [2.0, 4.0]]), np.ones(2))
    with pytest.raises(ZeroDivisionError, match="column 0 has no pivot"):
        eliminate(np.array([[0.0, 1.0], [1.0, 0.0]]), exchange=False)
