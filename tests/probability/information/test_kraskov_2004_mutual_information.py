"""Mutual information against brute force and scikit-learn."""

import math

import numpy as np
import pytest
import scipy.special
from sklearn.feature_selection import mutual_info_regression

from fivefold.core import DataError
from fivefold.probability import (
    continuous_mutual_information,
)

PSI = scipy.special.digamma


def pair(rho, n, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * noise


def brute_information(x, y, k):
    dx = np.abs(x[:, None] - x[None]).reshape(len(x), len(x), -1).max(-1)
    dy = np.abs(y[:, None] - y[None]).reshape(len(x), len(x), -1).max(-1)
    radius = np.sort(np.maximum(dx, dy), axis=1)[:, k]
    nx, ny = (dx < radius[:, None]).sum(1) - 1, (dy < radius[:, None]).sum(1) - 1
    return PSI(k) + PSI(len(x)) - np.mean(PSI(nx + 1) + PSI(ny + 1))


X = np.random.default_rng(9).normal(size=100)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_information_is_the_formula(k):
    x, y = pair(0.7, 150)
    sx, sy = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    found = continuous_mutual_information(x, y, k).value
    assert found == pytest.approx(brute_information(sx, sy, k), abs=1e-12)
    two = np.column_stack([sx, np.random.default_rng(1).normal(size=150)])
    two = (two - two.mean(0)) / two.std(0)
    found = continuous_mutual_information(two, sy, k).value
    assert found == pytest.approx(brute_information(two, sy, k), abs=1e-12)


def test_information_is_scikit_learns():
    """Which scales by the deviation, adds noise of 1e-10, and clips at 0; the estimator is the same."""
    for rho in (0.5, 0.9):
        x, y = pair(rho, 500, seed=3)
        theirs = float(mutual_info_regression(x[:, None], y, n_neighbors=3, random_state=0)[0])
        assert continuous_mutual_information(x, y).value == pytest.approx(theirs, abs=1e-6)


def test_independent_variables_have_no_bias():
    """The observation of Kraskov et al. (2004), section II: the mean estimate is 0 for any n and k."""
    for k, n in ((1, 60), (4, 200)):
        values = [continuous_mutual_information(*pair(0.0, n, seed), k).value for seed in range(150)]
        assert abs(np.mean(values)) < 3.5 * np.std(values) / 150**0.5


def test_same_seed_same_bits():
    x, y = pair(0.5, 200)
    a, b, c = (continuous_mutual_information(x, y, seed=s) for s in (1, 1, 2))
    assert a.standard_error == b.standard_error != c.standard_error
    assert a.value == c.value


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: continuous_mutual_information(X, X[:60]), DataError, "one number of rows"),
        (lambda: continuous_mutual_information(X, np.round(X)), DataError, "use the discrete estimator"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
