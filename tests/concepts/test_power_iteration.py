"""Power iteration and Lanczos: against the fast path, and inside the bounds of theory."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.power_iteration import lanczos, power_iteration, ritz_values


def symmetric(values: np.ndarray, seed: int) -> np.ndarray:
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    A = (Q * values) @ Q.T
    return 0.5 * (A + A.T)


def test_fast_path() -> None:
    A = symmetric(np.concatenate([[5.0, -4.5, 4.0], np.linspace(-2.0, 2.0, 97)]), seed=0)
    start = np.random.default_rng(1).normal(size=100)
    _, T = lanczos(lambda x: A @ x, start, steps=40)
    found = ritz_values(T)
    np.testing.assert_allclose(found[:2], linalg.eigh(A, 2).values, rtol=1e-10)
    np.testing.assert_allclose(found[-1], linalg.eigh(A, 1, which="smallest").values[0], rtol=1e-10)
    assert power_iteration(lambda x: A @ x, start, steps=200)[-1] == pytest.approx(5.0, rel=1e-9)


def test_all_steps_give_all_eigenvalues_and_the_recurrence_holds() -> None:
    A = symmetric(np.array([3.0, 2.5, 1.0, -1.0, -2.0, 0.5]), seed=2)
    Q, T = lanczos(lambda x: A @ x, np.arange(1.0, 7.0), steps=6)
    np.testing.assert_allclose(Q.T @ Q, np.eye(6), atol=1e-13)
    np.testing.assert_allclose(Q.T @ A @ Q, T, atol=1e-12)
    np.testing.assert_allclose(ritz_values(T), np.linalg.eigvalsh(A)[::-1], atol=1e-12)


def test_lanczos_is_never_behind_and_within_the_bound_of_kaniel_and_paige() -> None:
    values = np.concatenate([[2.2], np.linspace(2.0, -1.0, 199)])
    start = np.random.default_rng(3).normal(size=200)
    power = power_iteration(lambda x: values * x, start, 25)
    _, T = lanczos(lambda x: values * x, start, 25)
    tangent = np.linalg.norm(start[1:]) / abs(start[0])
    for k in range(1, 26):
        error = 2.2 - ritz_values(T[:k, :k])[0]
        assert error <= 2.2 - power[k - 1] + 1e-14
        chebyshev = np.cosh((k - 1) * np.arccosh(1.0 + 2.0 * 0.2 / 3.0))
        assert -1e-14 <= error <= 3.2 * (tangent / chebyshev) ** 2


def test_it_stops_where_there_is_nothing_new() -> None:
    A = np.diag([4.0, 4.0, 1.0, 1.0, 1.0])
    Q, T = lanczos(lambda x: A @ x, np.ones(5), steps=5)
    assert Q.shape == (5, 2)
    np.testing.assert_allclose(ritz_values(T), [4.0, 1.0], atol=1e-13)


def test_rounding_makes_ghosts_unless_the_basis_is_kept_apart() -> None:
    values = np.concatenate([np.linspace(0.0, 1.0, 100), [2.0, 3.0]])
    start = np.random.default_rng(4).normal(size=102)
    for keep, copies in ((True, 1), (False, 2)):
        Q, T = lanczos(lambda x: values * x, start, 60, keep_apart=keep)
        assert np.sum(np.abs(ritz_values(T) - 3.0) < 1e-6) >= copies
        assert (np.abs(Q.T @ Q - np.eye(60)).max() < 1e-12) == keep
    assert np.sum(np.abs(ritz_values(lanczos(lambda x: values * x, start, 60)[1]) - 3.0) < 1e-6) == 1


def test_power_iteration_converges_with_the_square_of_the_ratio() -> None:
    values = np.array([1.0, 0.8])
    errors = 1.0 - power_iteration(lambda x: values * x, np.array([1.0, 1e-2]), 12)
    np.testing.assert_allclose(errors[1:] / errors[:-1], 0.64, rtol=1e-3)
