"""Checks of samples, counts and weights."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.probability.samples import as_counts, as_level, as_matrix, as_positive, as_sample, as_weights


def test_what_is_usable_comes_back_as_float64():
    assert as_sample(np.array([True, False]), "x").dtype == np.float64
    assert as_matrix([1, 2, 3], "X").shape == (3, 1)
    assert as_matrix(np.ones((3, 2), dtype=np.float32), "X").dtype == np.float64
    assert as_counts([[1, 0], [2, 3]], "table", dims=2).sum() == 6.0
    assert as_weights(None, 3).tolist() == [1.0, 1.0, 1.0]
    assert (as_level(0.9), as_positive(2, "scale")) == (0.9, 2.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: as_sample([[1.0], [2.0, 3.0]], "x"), DataError, "numbers in x"),
        (lambda: as_sample([1j, 2.0], "x"), DataError, "numbers in x"),
        (lambda: as_sample([None, 1.0], "x"), DataError, "numbers in x"),
        (lambda: as_sample([1.0], "x"), DataError, "at least 2 values in x"),
        (lambda: as_sample([1.0, np.inf], "x"), DataError, "1 NaN or infinite of 2"),
        (lambda: as_sample([2.0, 2.0], "x", varied=True), DataError, "2 times 2"),
        (lambda: as_matrix(np.ones((3, 0)), "X"), DataError, "X as"),
        (lambda: as_matrix([[1.0]], "X"), DataError, "at least 2 rows"),
        (lambda: as_counts([], "counts"), DataError, "nonempty"),
        (lambda: as_weights([np.nan], 1), DataError, "NaN"),
        (lambda: as_weights([1.0], 2), ArgumentError, "2 weights"),
        (lambda: as_level(1), ArgumentError, "a level"),
        (lambda: as_positive("x", "scale"), ArgumentError, "scale as a number"),
        (lambda: as_positive(-1.0, "scale"), ArgumentError, "positive, finite scale"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
