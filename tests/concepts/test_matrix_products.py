"""Three readings of a matrix product: equal to each other, to the operators, and to the counted cost."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.matrix_products import apply, by_columns, by_dots, by_outer_products, operations

ROUNDING = 1e-13  # nine products a sum, entries of size ten


@pytest.fixture
def matrices() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    return generator.normal(1.0, 2.0, (7, 9)), generator.normal(-2.0, 1.0, (9, 4))


@pytest.mark.parametrize("product", [by_dots, by_columns, by_outer_products])
def test_fast_path(product: object, matrices: tuple[np.ndarray, np.ndarray]) -> None:
    A, B = matrices
    assert callable(product)
    fast = linalg.Product(linalg.Dense(A), linalg.Dense(B))
    np.testing.assert_allclose(product(A, B), fast.to_dense(), rtol=ROUNDING, atol=1e-12)


def test_a_matrix_times_a_vector(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    A, B = matrices
    x = np.arange(1.0, 5.0)
    np.testing.assert_allclose(apply(A, apply(B, x)), apply(by_dots(A, B), x), rtol=1e-12)
    np.testing.assert_allclose(apply(A, np.eye(9)[4]), A[:, 4], rtol=0)


def test_order_matters_and_transposing_reverses_it() -> None:
    A, B = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[0.0, -1.0], [1.0, 0.0]])
    assert not np.allclose(by_dots(A, B), by_dots(B, A))
    np.testing.assert_array_equal(by_dots(A, B).T, by_dots(B.T, A.T))


def test_operations_are_those_of_the_loops() -> None:
    assert operations((7, 9), (9, 4)) == 2 * 7 * 9 * 4
    assert operations((7, 9), (9, 4), (4, 3)) == 2 * 7 * 9 * 4 + 2 * 7 * 4 * 3


def test_shapes_that_do_not_meet_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        apply(np.ones((2, 3)), np.ones(2))
