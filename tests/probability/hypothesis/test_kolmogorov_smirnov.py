"""Whole distributions."""

import numpy as np
import pytest
import scipy.stats

from fivefold.core import DataError
from fivefold.probability import (
    kolmogorov_smirnov_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kolmogorov_smirnov_test([], A), DataError, "at least 1 values in x"),
        (lambda: kolmogorov_smirnov_test(A, lambda t: t), DataError, "a distribution function"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_interval_of_the_difference_covers():
    """N(0.5, 1) against N(0, 1): the largest difference is 2 Phi(1/4) - 1; the bound is proven."""
    truth = 2 * float(scipy.stats.norm.cdf(0.25)) - 1
    for seed in range(40):
        x = np.random.default_rng(seed).normal(0.5, 1, 50)
        effect = kolmogorov_smirnov_test(x, scipy.stats.norm.cdf, level=0.999).effect
        assert effect.low <= truth <= effect.high
