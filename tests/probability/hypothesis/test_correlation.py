"""Correlations and their intervals."""

import numpy as np
import pytest
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    correlation_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: correlation_test(A, B), DataError, "x and y of one length"),
        (lambda: correlation_test(A, np.ones(23)), DataError, "y with some variation"),
        (lambda: correlation_test([1, 2, 3], [1, 2, 3]), DataError, "at least 5 values"),
        (lambda: correlation_test(A, A, "distance"), ArgumentError, "a method among"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_interval_is_fishers():
    """Pearson's interval is SciPy's."""
    effect = correlation_test(A, B[:23], level=0.9).effect
    expected = scipy.stats.pearsonr(A, B[:23]).confidence_interval(0.9)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
