"""Student's t tests on published data."""

import math

import numpy as np
import pytest
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    fisher_exact_test,
    goodness_of_fit_test,
    one_sample_t_test,
    paired_t_test,
    t_test,
    welch_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)

SLEEP = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])  # Student 1908

SLEEP2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def test_student_1908():
    """Sleep data: paired t = -4.0621 with 9 degrees of freedom, p = 0.002833."""
    result = paired_t_test(SLEEP, SLEEP2)
    assert result.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert result.p_value == pytest.approx(0.002833, abs=5e-7)
    assert welch_test(SLEEP, SLEEP2).p_value == pytest.approx(0.07939, abs=5e-6)
    assert welch_test(SLEEP, SLEEP2).degrees == pytest.approx(17.776, abs=5e-4)


def test_hedges_factor_and_noncentral_interval():
    """J(9) by its gamma functions; the interval's ends put 2.5% beyond the seen t."""
    result = one_sample_t_test(SLEEP)
    J = scipy.special.gamma(4.5) / (math.sqrt(4.5) * scipy.special.gamma(4))
    assert result.effect.value == pytest.approx(J * SLEEP.mean() / SLEEP.std(ddof=1), rel=1e-12)
    root = math.sqrt(10)
    assert scipy.stats.nct.sf(result.statistic, 9, result.effect.low * root) == pytest.approx(0.025, abs=1e-8)
    assert scipy.stats.nct.cdf(result.statistic, 9, result.effect.high * root) == pytest.approx(
        0.025, abs=1e-8
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: one_sample_t_test([]), DataError, "at least 2 values in x"),
        (lambda: one_sample_t_test([1.0, 1.0]), DataError, "x with some variation"),
        (lambda: one_sample_t_test([1.0, np.nan]), DataError, "1 NaN or infinite"),
        (lambda: one_sample_t_test(A, np.nan), ArgumentError, "a finite mean"),
        (lambda: one_sample_t_test(A, 0.0, "bigger"), ArgumentError, "an alternative among"),
        (lambda: one_sample_t_test(A, level=95), ArgumentError, "a level between 0 and 1"),
        (lambda: one_sample_t_test(["a", "b"]), DataError, "numbers in x"),
        (lambda: paired_t_test(A, B), DataError, "pairs: x and y of one length"),
        (lambda: paired_t_test(A, A), DataError, "variation"),
        (lambda: t_test([1.0, 1.0], [2.0, 2.0]), DataError, "two constant samples"),
        (lambda: welch_test([1.0], [2.0, 3.0]), DataError, "at least 2 values in x"),
        (lambda: goodness_of_fit_test([3]), DataError, "at least 2 classes"),
        (lambda: goodness_of_fit_test([3, 4], [0.5, 0.6]), DataError, "sum to 1"),
        (lambda: goodness_of_fit_test([3, 4], [1.0, 1.0, 1.0]), ArgumentError, "2 probabilities"),
        (lambda: fisher_exact_test([[1, 2, 3], [4, 5, 6]]), DataError, "2 rows and 2 columns"),
        (lambda: fisher_exact_test([[0, 0], [1, 2]]), DataError, "the odds ratio is unknown"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
