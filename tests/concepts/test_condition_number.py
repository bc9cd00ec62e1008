"""The condition number: against the fast path, and as the bound that it claims to be."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.condition_number import (
    condition,
    condition_of_function,
    correct_digits,
    inverse_norm,
    worst_case,
)


def matrix(kappa: float, n: int = 8, seed: int = 0) -> np.ndarray:
    left, right = (np.linalg.qr(G)[0] for G in np.random.default_rng(seed).normal(size=(2, n, n)))
    return (left * np.logspace(0.5, 0.5 - np.log10(kappa), n)) @ right


def growth(A: np.ndarray, b: np.ndarray, error: np.ndarray) -> float:
    x, change = np.linalg.solve(A, b), np.linalg.solve(A, error)
    return float(np.linalg.norm(change) * np.linalg.norm(b) / np.linalg.norm(x) / np.linalg.norm(error))


@pytest.mark.parametrize("kappa", [1.0, 30.0, 1e6])
def test_fast_path(kappa: float) -> None:
    A = matrix(kappa)
    assert condition(A) == pytest.approx(linalg.condition(linalg.svd(A).values), rel=1e-8)
    assert condition(A) == pytest.approx(kappa, rel=1e-8)


def test_no_error_grows_by_more_and_one_grows_by_just_that() -> None:
    A = matrix(200.0, seed=3)
    assert growth(A, *worst_case(A)) == pytest.approx(200.0, rel=1e-10)
    pairs = np.random.default_rng(1).normal(size=(500, 2, 8))
    assert max(growth(A, b, error) for b, error in pairs) <= 200.0 * (1 + 1e-10)


def test_scale_does_not_matter_and_a_lost_direction_is_infinite() -> None:
    A = matrix(50.0)
    assert condition(1e-30 * A) == pytest.approx(condition(A), rel=1e-12)
    assert condition(np.array([[1.0, 0.0], [0.0, 0.0]])) == np.inf


@pytest.mark.parametrize("seed", range(5))
def test_the_inverse_s_norm_is_estimated_from_below(seed: int) -> None:
    A = matrix(1e4, n=12, seed=seed)
    found = inverse_norm(lambda b: np.linalg.solve(A, b), lambda b: np.linalg.solve(A.T, b), n=12)
    exact = np.linalg.norm(np.linalg.inv(A), 1)
    assert exact / 3 <= found <= exact * (1 + 1e-9)


def test_digits() -> None:
    assert correct_digits(1.0) == pytest.approx(15.95, abs=0.01)
    assert correct_digits(1e20) == 0.0
    # Solving with κ = 1e8 leaves at least what is promised, up to a small multiple of the dimension.
    A, x = matrix(1e8), np.ones(8)
    error = np.linalg.norm(np.linalg.solve(A, A @ x) - x) / np.linalg.norm(x)
    assert -np.log10(error) > correct_digits(1e8) - 1.5


def test_the_condition_of_a_function_is_its_relative_slope() -> None:
    for x in (0.3, 1.7):
        h = 1e-6
        finite = abs((np.log(np.exp((1 + h) * x) * (1 + h)) - np.log(np.exp(x))) / h)
        # f(x) = x eˣ: growth of the logarithm under a relative change.
        assert condition_of_function(
            lambda t: t * np.exp(t), lambda t: (1 + t) * np.exp(t), x
        ) == pytest.approx(finite, rel=1e-5)
