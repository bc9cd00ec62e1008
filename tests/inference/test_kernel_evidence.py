"""Marginal likelihood of a sum of kernels against dense densities and finite differences."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from fivefold.core import ArgumentError
from fivefold.inference import KernelEvidence, kernel_relevance


def _evidence(seed=0, n=40, q=2, components=2, hyperprior=0.01):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, 4)) + 1.0
    t = np.column_stack([np.sin(u[:, 0]) + u[:, 1], rng.normal(size=n)])[:, :q]
    blocks = [u[:, :2] - u[:, :2].mean(0), (rng.integers(0, 3, n)[:, None] == np.arange(3)).astype(float)]
    return KernelEvidence(u, t - t.mean(0), np.array([0, 1, 2, 2]), blocks, components, hyperprior)


def _dense(evidence, theta):
    scales, amplitudes, linear, noise = evidence.unpack(theta)
    u, t = evidence.features, evidence.targets
    k = (noise + 1e-8 * t.var(ddof=1)) * np.eye(len(u))
    for s, a in zip(scales, amplitudes, strict=True):
        x = u * s[evidence.groups]
        r = np.sqrt(3.0) * np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
        k += a * (1 + r) * np.exp(-r)
    for b, block in zip(linear, evidence.blocks, strict=True):
        k += b * block @ block.T
    return -sum(multivariate_normal(np.zeros(len(u)), k).logpdf(t[:, j]) for j in range(t.shape[1]))


def test_the_value_is_the_negative_log_density_of_the_targets():
    evidence = _evidence(hyperprior=0.0)
    theta = evidence.start + np.random.default_rng(1).normal(size=evidence.start.shape) * 0.4
    value, _ = evidence.value_and_gradient(theta)
    # the jitter is 1e-8 of the variance: both sides carry it; torch's and NumPy's variances agree to rounding
    assert value * 40 == pytest.approx(_dense(evidence, theta), rel=1e-7)


@pytest.mark.parametrize("components", [1, 2])
def test_the_gradient_agrees_with_central_differences(components):
    evidence = _evidence(2, components=components)
    theta = evidence.start + np.random.default_rng(3).normal(size=evidence.start.shape) * 0.4
    _, gradient = evidence.value_and_gradient(theta)
    numeric = np.empty_like(theta)
    for j in range(len(theta)):
        step = np.zeros_like(theta)
        step[j] = 1e-5
        numeric[j] = (
            evidence.value_and_gradient(theta + step)[0] - evidence.value_and_gradient(theta - step)[0]
        ) / 2e-5
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-8)


def test_relevance_finds_the_features_that_matter():
    rng = np.random.default_rng(5)
    u = rng.normal(size=(300, 5))
    t = (np.sin(3 * u[:, 1]) + 0.5 * u[:, 3] ** 2 + 0.05 * rng.normal(size=300))[:, None]
    found = kernel_relevance(KernelEvidence(u, (t - t.mean()) / t.std(), np.arange(5), [u]), steps=60)
    reach = np.sqrt((found.scales**2 * found.amplitudes[:, None]).sum(0))
    assert set(np.argsort(-reach)[:2]) == {1, 3}
    assert found.noise < 0.05


def test_a_matrix_that_cannot_be_factorised_is_a_step_too_far():
    evidence = _evidence()
    value, gradient = evidence.value_and_gradient(np.full_like(evidence.start, np.nan))
    assert value == np.inf
    assert not gradient.any()


def test_bad_input_is_named():
    with pytest.raises(ArgumentError, match="finite features"):
        KernelEvidence(np.array([[np.nan], [1.0]]), np.ones((2, 1)), np.array([0]), [])
    with pytest.raises(ArgumentError, match="targets"):
        KernelEvidence(np.ones((2, 1)), np.ones(2), np.array([0]), [])
    with pytest.raises(ArgumentError, match="one group per feature"):
        KernelEvidence(np.ones((2, 1)), np.ones((2, 1)), np.array([0, 1]), [])
    with pytest.raises(ArgumentError, match="at least 2 rows"):
        KernelEvidence(np.ones((1, 1)), np.ones((1, 1)), np.array([0]), [])
