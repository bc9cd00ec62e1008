"""Conjugate gradients: the kept libraries' answers and iterates, conjugate, optimal and within the bound."""

import numpy as np
import pytest
from scipy.sparse.linalg import cg

from fivefold import linalg
from fivefold.concepts.conjugate_gradients import conjugate_gradients, error_bound, steepest_descent


def positive(values: np.ndarray, seed: int) -> np.ndarray:
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    A = (Q * values) @ Q.T
    return 0.5 * (A + A.T)


A = positive(np.linspace(1.0, 50.0, 40), seed=0)
B = np.random.default_rng(1).normal(size=40)
ANSWER = np.linalg.solve(A, B)


def energy(path: np.ndarray) -> np.ndarray:
    away = path - ANSWER
    return np.sqrt(np.maximum(np.sum(away * (away @ A), axis=1), 0.0))


def test_fast_path() -> None:
    path = conjugate_gradients(lambda x: A @ x, B, steps=60)
    np.testing.assert_allclose(path[-1], linalg.solve(A, B, method="cg").x, rtol=1e-8, atol=1e-10)
    theirs: list[np.ndarray] = []
    cg(A, B, rtol=1e-14, maxiter=20, callback=lambda x: theirs.append(x.copy()))
    np.testing.assert_allclose(path[1:21], theirs, rtol=1e-9, atol=1e-11)


def test_every_point_is_the_best_of_its_krylov_space() -> None:
    path = conjugate_gradients(lambda x: A @ x, B, steps=6)
    krylov = [B]
    for k in range(1, 7):
        Q, _ = np.linalg.qr(np.stack(krylov, axis=1))
        np.testing.assert_allclose(path[k], Q @ np.linalg.solve(Q.T @ A @ Q, Q.T @ B), atol=1e-9)
        krylov.append(A @ krylov[-1] / np.linalg.norm(krylov[-1]))


def test_steps_are_conjugate() -> None:
    moves = np.diff(conjugate_gradients(lambda x: A @ x, B, steps=8), axis=0)
    products = moves @ A @ moves.T
    scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    np.testing.assert_allclose(products / scale, np.eye(8), atol=1e-10)


def test_three_eigenvalues_take_three_steps() -> None:
    C = positive(np.repeat([1.0, 7.0, 20.0], 8), seed=2)
    path = conjugate_gradients(lambda x: C @ x, B[:24], steps=3)
    np.testing.assert_allclose(C @ path[-1], B[:24], atol=1e-12)
    assert np.linalg.norm(C @ path[-2] - B[:24]) > 1e-3


def test_within_the_bound_and_never_behind_steepest_descent() -> None:
    fast = energy(conjugate_gradients(lambda x: A @ x, B, steps=25))
    slow = energy(steepest_descent(lambda x: A @ x, B, steps=25))
    assert np.all(fast <= slow * (1 + 1e-12))
    assert all(left <= error_bound(50.0, k) * fast[0] for k, left in enumerate(fast))
    assert np.all(slow[1:] <= 49.0 / 51.0 * slow[:-1] * (1 + 1e-12))  # Kantorovich
    assert error_bound(9.0, 3) == pytest.approx(0.25)


def test_it_ends_where_nothing_is_left() -> None:
    assert len(conjugate_gradients(lambda x: 2.0 * x, np.array([4.0, 0.0]), steps=9)) == 2
