"""Kronecker products: every rule against the matrix written out, and against the fast path."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from fivefold import linalg
from fivefold.concepts.kronecker_products import (
    kronecker,
    log_determinant,
    multiply,
    operations,
    smooth,
    solve,
    vec,
)

GENERATOR = np.random.default_rng(0)
A = GENERATOR.normal(size=(4, 4)) + 3.0 * np.eye(4)
B = GENERATOR.normal(size=(3, 3)) - 2.0 * np.eye(3)
X = GENERATOR.normal(5.0, 1.0, size=(3, 4))
# Rounding of products of a few numbers of size ten.
TIGHT = {"rtol": 1e-11, "atol": 1e-11}


def covariance(n: int, reach: float) -> np.ndarray:
    i = np.arange(n)
    return np.exp(-np.abs(i[:, None] - i) / reach)


def test_fast_path() -> None:
    # The fast path reads rows first: what is vec here is its vec of the transposed table.
    fast = linalg.Kronecker(A, B)
    np.testing.assert_allclose(fast @ vec(X), vec(multiply(A, B, X)), **TIGHT)
    np.testing.assert_allclose(linalg.solve(fast, vec(X)).x, vec(solve(A, B, X)), **TIGHT)
    P, Q = covariance(4, 2.0), 2.0 * covariance(3, 0.7)
    factors = [linalg.Dense(factor, symmetric=True, positive=True) for factor in (P, Q)]
    estimate = linalg.logdet(linalg.Kronecker(*factors))
    assert estimate.value == pytest.approx(log_determinant(P, Q), rel=1e-12)


def test_the_matrix_written_out() -> None:
    np.testing.assert_array_equal(kronecker(A, B), np.kron(A, B))
    C = GENERATOR.normal(size=(2, 4))
    np.testing.assert_allclose(kronecker(C, B) @ vec(X), vec(multiply(C, B, X)), **TIGHT)


def test_solve_undoes_multiply() -> None:
    np.testing.assert_allclose(solve(A, B, multiply(A, B, X)), X, **TIGHT)
    np.testing.assert_allclose(kronecker(A, B) @ vec(solve(A, B, X)), vec(X), **TIGHT)


def test_a_factor_on_the_wrong_side_is_seen() -> None:
    wrong = B @ X @ A  # A in place of its transpose
    assert np.abs(vec(wrong) - kronecker(A, B) @ vec(X)).max() > 0.1
    assert np.abs(X.reshape(-1) - vec(X)).max() > 0.1  # rows first is another vec


def test_eigenvalues_are_products() -> None:
    P, Q = covariance(4, 2.0), 2.0 * covariance(3, 0.7)
    products = np.sort(np.outer(np.linalg.eigvalsh(P), np.linalg.eigvalsh(Q)).ravel())
    np.testing.assert_allclose(np.linalg.eigvalsh(kronecker(P, Q)), products, **TIGHT)


def test_the_determinant_counts_each_factor_by_the_other_s_size() -> None:
    assert log_determinant(A, B) == pytest.approx(np.linalg.slogdet(kronecker(A, B))[1], rel=1e-12)
    swapped = len(A) * np.linalg.slogdet(A)[1] + len(B) * np.linalg.slogdet(B)[1]
    assert abs(swapped - log_determinant(A, B)) > 0.1


@pytest.mark.parametrize("noise", [0.01, 0.5])
def test_smoothing_and_its_fit_against_the_dense_posterior(noise: float) -> None:
    P, Q = covariance(4, 2.0), 2.0 * covariance(3, 0.7)
    Y = X - 4.0
    signal, log_p = smooth(P, Q, Y, noise)
    K = kronecker(P, Q)
    total = K + noise * np.eye(12)
    np.testing.assert_allclose(vec(signal), K @ np.linalg.solve(total, vec(Y)), **TIGHT)
    assert log_p == pytest.approx(multivariate_normal(np.zeros(12), total).logpdf(vec(Y)), rel=1e-11)


def test_smoothing_takes_noise_away_at_the_rate_that_theory_gives() -> None:
    generator = np.random.default_rng(1)
    P, Q, noise = covariance(8, 4.0), covariance(10, 4.0), 0.3
    L, M = np.linalg.cholesky(P), np.linalg.cholesky(Q)
    signals = [M @ generator.normal(size=(10, 8)) @ L.T for _ in range(400)]
    off = [
        np.mean((smooth(P, Q, S + np.sqrt(noise) * generator.normal(size=S.shape), noise)[0] - S) ** 2)
        for S in signals
    ]
    values = np.outer(np.linalg.eigvalsh(Q), np.linalg.eigvalsh(P))
    expected = np.mean(values * noise / (values + noise))
    assert expected < 0.5 * noise
    # Four standard errors of the mean over 400 tables.
    assert abs(np.mean(off) - expected) < 4 * np.std(off) / 20


def test_operations() -> None:
    written, factored = operations(30, 20)
    assert written == 2 * 600 * 600
    assert factored == 2 * (20 * 20 * 30) + 2 * (20 * 30 * 30)
