"""A probability: against quadrature and a published example."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    BetaBinomial,
    beta_from_moments,
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


def test_beta_binomial():
    successes, trials = np.array([2, 0, 3]), np.array([5, 2, 3])
    evidence, mean, variance = bayes(
        scipy.stats.beta(1.5, 2.5), lambda p: np.prod(scipy.stats.binom.pmf(successes, trials, p)), 0, 1
    )
    belief = BetaBinomial(1.5, 2.5)
    after = belief.update(successes, trials)
    posterior = after.posterior()
    assert (posterior.mean, posterior.variance) == pytest.approx((mean, variance), rel=1e-9)
    assert belief.log_evidence(successes, trials) == pytest.approx(math.log(evidence), rel=1e-9)
    expected = integral(
        lambda p: scipy.stats.binom.pmf(3, 4, p) * scipy.stats.beta.pdf(p, after.a, after.b), 0, 1
    )
    assert float(after.predictive(4).log_density(3)) == pytest.approx(math.log(expected), rel=1e-9)


def test_placenta_praevia():
    """Gelman et al. 2013, section 2.4: 437 girls of 980; mean 0.446, sd 0.016, interval [0.415, 0.477]."""
    posterior = BetaBinomial(1.0, 1.0).update([437], 980).posterior()
    assert posterior.mean == pytest.approx(0.446, abs=5e-4)
    assert math.sqrt(posterior.variance) == pytest.approx(0.016, abs=5e-4)
    assert posterior.interval(0.95) == pytest.approx((0.415, 0.477), abs=5e-4)


def test_beta_from_moments():
    posterior = beta_from_moments(0.3, 0.1).posterior()
    assert (posterior.mean, math.sqrt(posterior.variance)) == pytest.approx((0.3, 0.1), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: BetaBinomial(0.0, 1.0), ArgumentError, "positive, finite a"),
        (lambda: BetaBinomial(1.0, 1.0).update([4], [3]), DataError, "successes from 0 to their trials"),
        (lambda: BetaBinomial(1.0, 1.0).update([-1], [3]), DataError, "such as -1"),
        (lambda: BetaBinomial(1.0, 1.0).update([1], [3, 4]), ArgumentError, "1 trials, one per count"),
        (lambda: BetaBinomial(1.0, 1.0).predictive(0), ArgumentError, "at least 1 trial"),
        (lambda: beta_from_moments(0.5, 0.5), ArgumentError, "a mean in"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
