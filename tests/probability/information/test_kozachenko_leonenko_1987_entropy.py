"""Entropy against brute force; bias that is flagged."""

import math

import numpy as np
import pytest
import scipy.special

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    continuous_entropy,
)

PSI = scipy.special.digamma


def pair(rho, n, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * noise


X = np.random.default_rng(9).normal(size=100)


def test_entropy_is_the_formula_after_whitening():
    x = np.random.default_rng(0).normal(size=120)
    z = (x - x.mean()) / x.std()
    rho = np.sort(np.abs(z[:, None] - z[None]), axis=1)[:, 2]
    expected = PSI(120) - PSI(2) + math.log(2) + np.log(rho).mean() + math.log(x.std())
    assert continuous_entropy(x, k=2).value == pytest.approx(expected, abs=1e-12)


def test_bias_is_flagged_where_there_is_some():
    """20 exponential columns in 300 rows: the entropy, 20, is missed by far, and the certificate says so.

    Where the bias is small, chance alone still flags 1 sample in 10: an indicator, not a proof.
    """
    X = np.random.default_rng(0).exponential(size=(300, 20))
    estimate = continuous_entropy(X)
    assert abs(estimate.value - 20) > 3 * estimate.standard_error
    assert estimate.certificates[0].holds is False
    flags = [continuous_entropy(pair(0, 600, s)[0]).certificates[0].holds for s in range(20)]
    assert sum(flags) >= 14


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: continuous_entropy(X[:20]), DataError, "at least 50 rows in X"),
        (lambda: continuous_entropy([]), DataError, "at least"),
        (lambda: continuous_entropy(np.ones(100)), DataError, "1 constant ones"),
        (lambda: continuous_entropy(np.append(X, np.nan)), DataError, "1 NaN or infinite"),
        (lambda: continuous_entropy(np.round(X, 1)), DataError, "without ties"),
        (lambda: continuous_entropy(np.column_stack([X, 2 * X])), DataError, "linearly independent"),
        (lambda: continuous_entropy(X, k=0), ArgumentError, "k from 1 to 11"),
        (lambda: continuous_entropy(X.reshape(10, 5, 2)), DataError, r"X as \[n\] or \[n, d\]"),
        (lambda: continuous_entropy(np.array(["a"] * 100)), DataError, "numbers in X"),
        (lambda: continuous_entropy(X).interval(95), ArgumentError, "a level between 0 and 1"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
