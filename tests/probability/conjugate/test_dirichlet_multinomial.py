"""Class probabilities against SciPy."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    BetaBinomial,
    DirichletMultinomial,
)


def test_dirichlet_multinomial():
    belief = DirichletMultinomial([0.5, 2.0, 1.5])
    after = belief.update([3, 0, 2])
    expected = scipy.stats.dirichlet_multinomial([0.5, 2.0, 1.5], 5).logpmf([3, 0, 2])
    assert belief.log_evidence([3, 0, 2]) == pytest.approx(float(expected), rel=1e-12)
    exact = scipy.stats.dirichlet(after.alpha)
    np.testing.assert_allclose(after.mean, exact.mean(), rtol=1e-13)
    np.testing.assert_allclose(after.covariance, exact.cov(), rtol=1e-12)
    assert after.posterior(0).variance == pytest.approx(after.covariance[0, 0], rel=1e-12)
    draws = after.sample_predictive(4, 50_000, np.random.default_rng(0))
    np.testing.assert_allclose(draws.mean(0), 4 * after.mean, atol=4 * 2 / 50_000**0.5)


def test_two_classes_are_the_beta():
    counts = DirichletMultinomial([1.5, 2.5]).log_evidence([3, 4])
    assert counts == pytest.approx(BetaBinomial(1.5, 2.5).log_evidence([3], [7]), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: DirichletMultinomial([1.0, 0.0]), DataError, "positive numbers in alpha"),
        (lambda: DirichletMultinomial([1.0]), DataError, "at least 2 values in alpha"),
        (lambda: DirichletMultinomial([1.0, 1.0]).update([1, 2, 3]), ArgumentError, "2 counts"),
        (lambda: DirichletMultinomial([1.0, 1.0]).update([0, 0]), DataError, "counts that are all 0"),
        (lambda: DirichletMultinomial([1.0, 1.0]).posterior(2), ArgumentError, "a class from 0 to 1"),
        (
            lambda: DirichletMultinomial([1.0, 1.0]).sample_predictive(0, 1, np.random.default_rng(0)),
            ArgumentError,
            "n and size",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
