"""Rows by number, by mask, all of them."""

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.row_numbers import row_numbers


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (None, [0, 1, 2]),
        ([], []),
        ([2, 2, 0], [2, 2, 0]),
        (np.array([1], dtype=np.uint8), [1]),
        ([True, False, True], [0, 2]),
        ([False] * 3, []),
    ],
)
def test_rows_that_are_meant(rows, expected):
    found = row_numbers(rows, 3, "texts")
    assert found.dtype == np.int64
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([3], "numbers of texts from 0 to 2"),
        ([-1], "numbers of texts from 0 to 2"),
        ([0.5], "numbers of texts from 0 to 2"),
        ([[0]], "numbers of texts from 0 to 2"),
        ([True], "a mask of 3 texts"),
        ([[True, False, True]], "a mask of 3 texts"),
    ],
)
def test_rows_that_are_not_there(rows, message):
    with pytest.raises(ArgumentError, match=message):
        row_numbers(rows, 3, "texts")
