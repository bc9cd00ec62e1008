"""Mean and variance of normal observations: against quadrature."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fivefold.core import ArgumentError
from fivefold.probability import (
    NormalInverseGamma,
)

Y = np.array([1.3, -0.4, 2.2, 0.9])


def integral(f, low, high):
    value, error = scipy.integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-11, limit=400)
    assert error < 1e-8
    return value


def bayes(prior, likelihood, low, high):
    """Evidence, mean and variance of the posterior by quadrature."""
    moments = [integral(lambda t, k=k: t**k * prior.pdf(t) * likelihood(t), low, high) for k in range(3)]
    mean = moments[1] / moments[0]
    return moments[0], mean, moments[2] / moments[0] - mean**2


def test_normal_inverse_gamma():
    belief = NormalInverseGamma(0.5, 1.7, 2.5, 1.2)
    noise = scipy.stats.invgamma(2.5, scale=1.2)

    def at(variance):
        """The evidence given the variance, from the joint normal density of Y."""
        cov = variance * (np.eye(4) + np.ones((4, 4)) / 1.7)
        return scipy.stats.multivariate_normal(np.full(4, 0.5), cov).pdf(Y)

    evidence, mean, _ = bayes(noise, at, 1e-6, 400)
    after = belief.update(Y)
    assert belief.log_evidence(Y) == pytest.approx(math.log(evidence), rel=1e-8)
    assert after.posterior_variance().mean == pytest.approx(mean, rel=1e-6)
    assert after.posterior_mean().mean == pytest.approx((1.7 * 0.5 + Y.sum()) / 5.7, rel=1e-12)
    expected = belief.log_evidence(np.append(Y, 2.0)) - belief.log_evidence(Y)
    assert float(after.predictive().log_density(2.0)) == pytest.approx(expected, rel=1e-11)


def test_normal_inverse_gamma_keeps_digits_far_from_zero():
    """The spread of numbers around 1e9: the textbook sum of squares would lose it."""
    near = NormalInverseGamma(0.0, 1e-3, 1.0, 1.0).update(Y)
    far = NormalInverseGamma(1e9, 1e-3, 1.0, 1.0).update(Y + 1e9)
    assert far.scale == pytest.approx(near.scale, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NormalInverseGamma(0.0, 1.0, 0.0, 1.0), ArgumentError, "positive, finite shape"),
        (lambda: NormalInverseGamma(np.inf, 1.0, 1.0, 1.0), ArgumentError, "a finite mean"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
