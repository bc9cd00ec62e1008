"""Chi-squared tests against SciPy."""

import numpy as np
import pytest
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    chi_squared_test,
    fisher_exact_test,
    goodness_of_fit_test,
)

WAYS = ["two-sided", "less", "greater"]

TABLE = np.array([[12, 5, 9], [3, 11, 8]])


def test_tables_are_scipys():
    theirs = scipy.stats.chi2_contingency(TABLE, correction=False)
    ours = chi_squared_test(TABLE)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-12)
    assert ours.effect.value == pytest.approx(scipy.stats.contingency.association(TABLE, "cramer"))
    fit, peer = goodness_of_fit_test([10, 20, 33]), scipy.stats.chisquare([10, 20, 33])
    assert (fit.statistic, fit.p_value) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-12)
    for way in WAYS:
        ours, peer = fisher_exact_test([[8, 2], [3, 9]], way), scipy.stats.fisher_exact([[8, 2], [3, 9]], way)
        assert ours.p_value == pytest.approx(peer.pvalue, rel=1e-10)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: chi_squared_test([[1, 2]]), DataError, "at least 2 rows and 2 columns"),
        (lambda: chi_squared_test([[1, 2], [0, 0]]), DataError, "every row and column"),
        (lambda: chi_squared_test([[1, 2], [-1, 3]]), DataError, "such as -1"),
        (lambda: chi_squared_test([[0.5, 2], [1, 3]]), DataError, "such as 0.5"),
        (lambda: goodness_of_fit_test([3]), DataError, "at least 2 classes"),
        (lambda: goodness_of_fit_test([3, 4], [0.5, 0.6]), DataError, "sum to 1"),
        (lambda: goodness_of_fit_test([3, 4], [1.0, 1.0, 1.0]), ArgumentError, "2 probabilities"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
