"""Monte Carlo: against the fast path and quadrature within its own error, which holds as often as it says."""

import numpy as np
import pytest
import torch

from fivefold import calculus, linalg
from fivefold.concepts.monte_carlo_integration import (
    effective_size,
    estimate,
    importance_weights,
    interval,
    points_needed,
)


def test_fast_path() -> None:
    generator = np.random.default_rng(0)
    G = generator.normal(size=(30, 30))
    A = G @ G.T
    # Hutchinson's mean over random signs, as the fast path estimates a trace it cannot read off.
    z = np.sign(generator.normal(size=(4000, 30)))
    mean, error = estimate(np.einsum("ni,ij,nj->n", z, A, z))
    assert abs(mean - linalg.trace(A).value) < 4 * error
    assert error < 0.01 * mean


def test_it_agrees_with_quadrature() -> None:
    x = np.random.default_rng(1).normal(2.0, 0.5, size=40_000)
    mean, error = estimate(np.cos(x) * x)
    exact = float(calculus.normal_expectation(lambda t: torch.cos(t) * t, mean=2.0, sd=0.5).value)
    assert abs(mean - exact) < 4 * error
    assert error < 0.01


def test_the_interval_holds_as_often_as_it_says() -> None:
    x = np.random.default_rng(2).exponential(3.0, size=(2000, 400))
    held = np.mean([low <= 3.0 <= high for low, high in map(interval, x)])
    # 0.95 less a little for the skewness of 400 exponentials; its own standard error is 0.005.
    assert 0.93 < held < 0.965


def test_the_error_falls_with_the_root_of_n() -> None:
    x = np.random.default_rng(3).random((500, 4000))
    few, many = (np.std([estimate(row[:n])[0] for row in x]) for n in (100, 4000))
    assert few / many == pytest.approx(np.sqrt(40.0), rel=0.12)


def test_weights_reach_a_rare_event() -> None:
    z = np.random.default_rng(4).normal(size=20_000)
    x = z + 4.0
    weights = importance_weights(-0.5 * x**2, -0.5 * z**2)
    mean, error = estimate((x > 4.0) * weights)
    assert abs(mean - 3.167124183311986e-05) < 4 * error
    assert error < 0.03 * mean
    # E w² = exp(16) for this shift: the weights of the whole density are worth next to nothing.
    assert effective_size(weights) < 200


def test_weights_of_the_density_itself_are_one() -> None:
    log_p = np.random.default_rng(5).normal(size=50)
    np.testing.assert_array_equal(importance_weights(log_p, log_p), 1.0)
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7.0)


def test_points_needed_reach_the_error() -> None:
    x = np.random.default_rng(6).gamma(2.0, size=100_000)
    n = points_needed(x[:500], error=0.02)
    assert estimate(x[:n])[1] == pytest.approx(0.02, rel=0.1)
