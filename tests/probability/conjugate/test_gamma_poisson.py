"""A rate: against quadrature, a published example, and by simulation."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    GammaPoisson,
)


def integral(f, low, high):
    value, error = scipy.integrate.quad(f, low, high, epsabs=1e-13, epsrel=1e-11, limit=400)
    assert error < 1e-8
    return value


def bayes(prior, likelihood, low, high):
    """Evidence, mean and variance of the posterior by quadrature."""
    moments = [integral(lambda t, k=k: t**k * prior.pdf(t) * likelihood(t), low, high) for k in range(3)]
    mean = moments[1] / moments[0]
    return moments[0], mean, moments[2] / moments[0] - mean**2


def test_gamma_poisson():
    counts, exposure = np.array([2, 0, 7]), np.array([1.0, 0.5, 3.0])
    evidence, mean, variance = bayes(
        scipy.stats.gamma(1.5, scale=1 / 0.8),
        lambda rate: np.prod(scipy.stats.poisson.pmf(counts, rate * exposure)),
        0,
        60,
    )
    belief = GammaPoisson(1.5, 0.8)
    after = belief.update(counts, exposure)
    assert (after.posterior().mean, after.posterior().variance) == pytest.approx((mean, variance), rel=1e-9)
    assert belief.log_evidence(counts, exposure) == pytest.approx(math.log(evidence), rel=1e-9)
    expected = belief.log_evidence([2, 0, 7, 4], [1.0, 0.5, 3.0, 2.0]) - belief.log_evidence(counts, exposure)
    assert float(after.predictive(2.0).log_density(4)) == pytest.approx(expected, rel=1e-10)


def test_asthma_mortality():
    """Gelman et al. 2013, section 2.6: 10 years of 3 deaths give Gamma(33, 25), mean 1.32."""
    after = GammaPoisson(3.0, 5.0).update([30], [20.0])
    assert (after.shape, after.rate) == (33.0, 25.0)
    assert after.posterior().mean == pytest.approx(1.32)
    assert after.posterior().quantile(0.07) == pytest.approx(1.0, abs=0.02)  # P(rate > 1) = 0.93


def test_intervals_cover_what_the_prior_draws():
    """The truth drawn from the prior lies in the 90% interval in 90% of cases: 4 standard errors of 1,000."""
    generator, belief, inside = np.random.default_rng(0), GammaPoisson(2.0, 1.0), 0
    for _ in range(1000):
        rate = generator.gamma(2.0)
        low, high = belief.update(generator.poisson(rate, 5)).posterior().interval(0.9)
        inside += low <= rate <= high
    assert inside / 1000 == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 1000))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: GammaPoisson(1.0, 0.0), ArgumentError, "positive, finite rate"),
        (lambda: GammaPoisson(1.0, 1.0).update([-1]), DataError, "counts 0, 1, 2"),
        (lambda: GammaPoisson(1.0, 1.0).update([1.5]), DataError, "such as 1.5"),
        (lambda: GammaPoisson(1.0, 1.0).update([1], [0.0]), DataError, "positive exposures"),
        (lambda: GammaPoisson(1.0, 1.0).update([1], [1.0, 2.0]), ArgumentError, "1 exposures"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
