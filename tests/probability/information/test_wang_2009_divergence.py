"""Divergence against brute force."""

import math

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    continuous_divergence,
)

X = np.random.default_rng(9).normal(size=100)


def test_divergence_is_the_formula():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(80, 2)) * 2
    sd = np.vstack([x - x.mean(0), y - y.mean(0)]).std(0)
    a, b = x / sd, y / sd
    own = np.sort(np.linalg.norm(a[:, None] - a[None], axis=-1), axis=1)[:, 3]
    other = np.sort(np.linalg.norm(a[:, None] - b[None], axis=-1), axis=1)[:, 2]
    expected = 2 * np.log(other / own).mean() + math.log(80 / 99)
    assert continuous_divergence(x, y).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: continuous_divergence(X, np.column_stack([X, X])), ArgumentError, "1 columns of X"),
        (lambda: continuous_divergence(X, X), DataError, "X and Y together"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
