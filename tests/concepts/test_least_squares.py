"""Least squares by Gram and Schmidt: against the fast path, right angles, and the price of conditioning."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.least_squares import back_substitute, gram_schmidt, least_squares


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(7)
    X = np.column_stack([np.ones(60), generator.normal(3.0, 2.0, (60, 5))])
    return X, X @ np.array([4.0, -1.0, 0.5, 2.0, 0.0, -3.0]) + generator.normal(size=60)


def test_fast_path(problem: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = problem
    # Both are backward stable; the condition number here is about 13.
    np.testing.assert_allclose(least_squares(X, y), linalg.lstsq(X, y).x, rtol=1e-11)


def test_the_residual_stands_at_right_angles(problem: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = problem
    residual = y - X @ least_squares(X, y)
    assert np.abs(X.T @ residual).max() < 1e-11 * np.linalg.norm(X) * np.linalg.norm(y)


def test_no_other_weights_are_nearer(problem: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = problem
    w = least_squares(X, y)
    best = np.sum((X @ w - y) ** 2)
    for step in 0.01 * np.random.default_rng(0).normal(size=(20, 6)):
        assert np.sum((X @ (w + step) - y) ** 2) > best


def test_factors(problem: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = problem
    Q, R = gram_schmidt(X)
    np.testing.assert_allclose(Q.T @ Q, np.eye(6), atol=1e-13)
    np.testing.assert_allclose(Q @ R, X, atol=1e-13)
    np.testing.assert_array_equal(np.tril(R, -1), 0.0)


def test_accuracy_survives_nearly_equal_columns() -> None:
    t = np.linspace(0.0, 1.0, 30)
    X = np.vander(t, 9)  # condition number about 10^6
    w = np.linspace(-2.0, 2.0, 9)
    assert np.linalg.cond(X) > 1e5
    np.testing.assert_allclose(least_squares(X, X @ w), w, atol=1e-8)


def test_back_substitution() -> None:
    R = np.triu(np.arange(1.0, 17.0).reshape(4, 4))
    w = np.array([3.0, -1.0, 2.0, 5.0])
    np.testing.assert_allclose(back_substitute(R, R @ w), w, rtol=1e-12)


def test_the_data_are_left_as_they_were(problem: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = problem
    before = X.copy(), y.copy()
    least_squares(X, y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
