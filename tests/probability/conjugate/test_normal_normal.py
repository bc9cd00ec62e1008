"""The mean of normal observations: against quadrature; and identities that the updates share."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    GammaPoisson,
    NormalInverseGamma,
    NormalNormal,
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


def test_normal_normal():
    belief = NormalNormal(0.5, 2.0, 1.5)
    evidence, mean, variance = bayes(
        scipy.stats.norm(0.5, 2.0), lambda t: np.prod(scipy.stats.norm.pdf(Y, t, 1.5)), -15, 15
    )
    after = belief.update(Y)
    assert (after.mean, after.sd**2) == pytest.approx((mean, variance), rel=1e-9)
    assert belief.log_evidence(Y) == pytest.approx(math.log(evidence), rel=1e-9)
    posterior = scipy.stats.norm(mean, math.sqrt(variance))
    expected = integral(lambda t: posterior.pdf(t) * scipy.stats.norm.pdf(2.0, t, 1.5), -15, 15)
    assert float(after.predictive().log_density(2.0)) == pytest.approx(math.log(expected), rel=1e-9)


@pytest.mark.parametrize(
    "belief", [NormalNormal(0.0, 2.0, 1.0), NormalInverseGamma(0.0, 0.5, 3.0, 2.0), GammaPoisson(2.0, 1.0)]
)
def test_one_by_one_is_all_at_once_and_weights_are_repeats(belief):
    y = [2.0, 0.0, 3.0]
    together, apart = belief.update(y), belief
    for each in y:
        apart = apart.update([each])
    weighted = belief.update([2.0, 0.0, 3.0], weights=[2, 0, 1])
    repeated = belief.update([2.0, 2.0, 3.0])
    for name in belief.__dataclass_fields__:
        assert getattr(together, name) == pytest.approx(getattr(apart, name), rel=1e-12)
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-12)


def test_evidence_factors_into_predictions():
    """log p(y) = sum_i log p(y_i | y_1 ... y_{i-1}): prediction and evidence agree."""
    for belief in (
        NormalNormal(0.0, 2.0, 1.0),
        NormalInverseGamma(0.3, 0.5, 3.0, 2.0),
        GammaPoisson(2.0, 1.0),
    ):
        total, now = 0.0, belief
        for y in (2.0, 0.0, 5.0, 1.0):
            total += float(now.predictive().log_density(y))
            now = now.update([y])
        assert belief.log_evidence([2.0, 0.0, 5.0, 1.0]) == pytest.approx(total, rel=1e-11)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NormalNormal(float("nan"), 1.0, 1.0), ArgumentError, "a finite mean"),
        (lambda: NormalNormal(0.0, 0.0, 1.0), ArgumentError, "positive, finite sd"),
        (lambda: NormalNormal(0.0, 1.0, -1.0), ArgumentError, "positive, finite noise_sd"),
        (lambda: NormalNormal(0.0, "one", 1.0), ArgumentError, "sd as a number"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([]), DataError, "at least 1 values in y"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([1.0, np.nan]), DataError, "1 NaN or infinite of 2"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([1.0], [-1.0]), DataError, "weights of at least 0"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([1.0], [0.0]), DataError, "one of them positive"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([1.0], [1.0, 2.0]), ArgumentError, "1 weights"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update(["a"]), DataError, "numbers in y"),
        (lambda: NormalNormal(0.0, 1.0, 1.0).update([[1.0]]), DataError, r"y as a vector \[n\]"),
        (
            lambda: NormalNormal(0.0, 1.0, 1.0).posterior().interval(1.0),
            ArgumentError,
            "level between 0 and 1",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
