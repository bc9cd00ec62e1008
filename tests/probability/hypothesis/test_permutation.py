"""Permutation tests with known relabellings."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    permutation_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)

SLEEP = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])  # Student 1908

SLEEP2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def test_permutation_is_exact_where_it_can_be():
    """C(8, 4) = 70 relabellings, of which the seen one is the most extreme on each side."""
    result = permutation_test([4.1, 5.2, 6.3, 5.9], [1.0, 2.2, 0.4, 1.3])
    assert result.p_value == pytest.approx(2 / 70)
    assert permutation_test([4.1, 5.2], [1.0, 2.2], alternative="greater").p_value == pytest.approx(1 / 6)
    medians = permutation_test(A, B, lambda x, y: float(np.median(x) - np.median(y)), resamples=199, seed=1)
    assert (
        medians.p_value
        == permutation_test(
            A, B, lambda x, y: float(np.median(x) - np.median(y)), resamples=199, seed=1
        ).p_value
    )
    paired = permutation_test(SLEEP, SLEEP2, paired=True, resamples=2000)
    assert paired.p_value == pytest.approx(2 / 512, abs=2e-3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: permutation_test([1.0, 1.0], [1.0, 1.0]), DataError, "some variation"),
        (lambda: permutation_test(A, B, paired=True), DataError, "pairs"),
        (lambda: permutation_test(A, B, lambda x, y: np.nan), DataError, "a statistic that is finite"),
        (lambda: permutation_test(A, B, resamples=10), ArgumentError, "at least 99 resamples"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
