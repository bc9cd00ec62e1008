"""Text sets: parts of them, their line, and arrays that do not fit."""

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.text.text_set import TextSet, twin_key


def small(**changes):
    fields = {
        "source": "memory",
        "texts": ("one word", "two words here", "three"),
        "names": ("row 1", "row 2", "row 3"),
        "classes": ("a", "b"),
        "labels": np.array([0, 1, -1]),
        "given": np.array([0, 0, 1], dtype=np.int8),
    }
    return TextSet(**(fields | changes))


def test_rows_are_taken_by_number_and_by_mask():
    taken = small().take(np.array([2, 0, 0]))
    assert taken.texts == ("three", "one word", "one word")
    assert taken.names == ("row 3", "row 1", "row 1")
    assert taken.labels.tolist() == [-1, 0, 0]
    assert taken.given.tolist() == [1, 0, 0]
    assert small().take(np.array([False, True, False])).texts == ("two words here",)
    assert len(small().take(np.array([], dtype=np.int64))) == 0


def test_the_line_counts():
    assert small().describe() == "2 training and 1 test texts, 2 words at the median, 2 classes"
    one = small(given=np.full(3, -1, dtype=np.int8)).take(np.array([1]))
    assert one.describe() == "1 text, 3 words at the median, 2 classes"


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="names, labels and given of 3 texts"):
        small(labels=np.array([0, 1]))
    with pytest.raises(ArgumentError, match="labels below 2"):
        small(labels=np.array([0, 1, 2]))
    with pytest.raises(ArgumentError, match="a mask of 3 texts"):
        small().take(np.array([True]))
    for wrong in ([3], [-1]):
        with pytest.raises(ArgumentError, match="numbers of texts from 0 to 2"):
            small().take(np.array(wrong))


def test_twins_differ_in_capitals_spaces_and_the_form_of_letters_alone():
    assert twin_key(" Cafe\u0301\n au LAIT") == twin_key("caf\u00e9 au lait")
    assert twin_key("caf\u00e9 au lait") != twin_key("cafe au lait")
