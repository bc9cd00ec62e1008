"""Jacobi and power iteration: against the fast path, and at the speed that theory gives."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.eigenvectors import eigenvectors, power_iteration, rotation


def symmetric(values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return (Q * values) @ Q.T, Q


@pytest.mark.parametrize("n", [2, 3, 6, 11])
def test_fast_path(n: int) -> None:
    G = np.random.default_rng(n).normal(size=(n, n))
    A = G + G.T
    values, V = eigenvectors(A)
    fast = linalg.eigh(A)
    np.testing.assert_allclose(values, fast.values, atol=1e-12 * np.abs(values).max())
    # Vectors are known up to their sign; random eigenvalues lie well apart.
    np.testing.assert_allclose(np.abs(np.sum(V * fast.vectors, axis=0)), 1.0, atol=1e-11)


def test_equal_eigenvalues_still_give_a_full_set() -> None:
    A, _ = symmetric(np.array([5.0, 5.0, 5.0, -2.0, -2.0, 0.0]), seed=1)
    values, V = eigenvectors(A)
    np.testing.assert_allclose(values, [5.0, 5.0, 5.0, 0.0, -2.0, -2.0], atol=1e-12)
    np.testing.assert_allclose(V.T @ V, np.eye(6), atol=1e-13)
    np.testing.assert_allclose(A @ V, V * values, atol=1e-12)


def test_a_rotation_clears_its_entry() -> None:
    A, _ = symmetric(np.array([3.0, 1.0, -1.0]), seed=2)
    J = rotation(A, 0, 2)
    np.testing.assert_allclose(J.T @ J, np.eye(3), atol=1e-15)
    assert abs((J.T @ A @ J)[0, 2]) < 1e-15


def test_power_iteration_turns_at_the_rate_of_the_ratio() -> None:
    A, Q = symmetric(np.array([4.0, 3.0, 1.0, 0.5]), seed=3)
    start = Q @ np.array([1.0, 1.0, 0.0, 0.0])
    tangents = [
        abs(v @ Q[:, 1]) / abs(v @ Q[:, 0]) for v in (power_iteration(A, start, k)[1] for k in (5, 6, 20))
    ]
    # From equal parts of v₁ and v₂ the tangent of the angle after k steps is exactly (3/4)^k.
    np.testing.assert_allclose(tangents, [0.75**5, 0.75**6, 0.75**20], rtol=1e-10)


def test_power_iteration_finds_a_negative_dominant_value() -> None:
    A, Q = symmetric(np.array([-6.0, 2.0, 1.0]), seed=4)
    value, v = power_iteration(A, np.ones(3), steps=60)
    assert value == pytest.approx(-6.0, abs=1e-12)
    assert abs(v @ Q[:, 0]) == pytest.approx(1.0, abs=1e-12)
