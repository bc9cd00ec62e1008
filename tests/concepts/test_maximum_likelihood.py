"""Maximum likelihood: against the fast path, the decomposition of cross-entropy, and its minimum."""

import numpy as np
import pytest
import torch
from scipy import stats

from fivefold.concepts.derivative import gradient
from fivefold.concepts.maximum_likelihood import (
    cross_entropy,
    frequencies,
    log_softmax,
    mean_surprise,
    slope,
)
from fivefold.probability import Categorical


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(31)
    return generator.normal(1.0, 3.0, (20, 4)), generator.integers(0, 4, 20)


def test_fast_path(scores: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = scores
    likelihood, eta, y = Categorical(4), torch.tensor(logits), torch.tensor(labels)
    assert mean_surprise(logits, labels) == pytest.approx(
        likelihood.negative_log_density(eta, y).mean().item(), rel=1e-13
    )
    np.testing.assert_allclose(slope(logits, labels), likelihood.gradient(eta, y).numpy() / 20, atol=1e-15)


def test_the_slope_is_the_derivative(scores: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = scores
    differences = gradient(lambda z: mean_surprise(z.reshape(20, 4), labels), logits.ravel())
    np.testing.assert_allclose(slope(logits, labels).ravel(), differences, atol=1e-9)


def test_cross_entropy_is_entropy_plus_divergence() -> None:
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.1, 0.3])
    assert cross_entropy(p, q) == pytest.approx(stats.entropy(p) + stats.entropy(p, q), rel=1e-14)
    assert cross_entropy(p, p) == pytest.approx(stats.entropy(p), rel=1e-14)


def test_frequencies_are_least_surprised() -> None:
    labels = np.array([0] * 5 + [1] * 3 + [3] * 2)
    best = frequencies(labels, 4)
    np.testing.assert_array_equal(best, [0.5, 0.3, 0.0, 0.2])
    least = cross_entropy(best, best)
    for q in np.random.default_rng(0).dirichlet(np.ones(4), 200):
        assert cross_entropy(best, q) > least


def test_mean_surprise_is_the_cross_entropy_of_the_frequencies() -> None:
    labels = np.array([0, 0, 1, 2, 1, 0])
    logits = np.tile([0.3, -1.0, 2.0], (6, 1))
    q = np.exp(log_softmax(logits[:1]))[0]
    assert mean_surprise(logits, labels) == pytest.approx(cross_entropy(frequencies(labels, 3), q), rel=1e-14)


def test_the_impossible_that_happens_surprises_without_bound() -> None:
    assert cross_entropy(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == np.inf
    assert cross_entropy(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0.0


def test_large_scores_do_not_overflow() -> None:
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]])
    np.testing.assert_allclose(log_softmax(logits), [[0.0, -1e4], [-1e4, 0.0]])
    np.testing.assert_allclose(log_softmax(logits + 55.0), log_softmax(logits))
