"""Texts in memory are taken as users hold them, with their labels."""

from pathlib import Path

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.text.memory import documents_of, is_array, strings_of

TEXTS, LABELS = ["it purrs", "it barks", "it sleeps"], ["cat", "dog", "cat"]


class OwnSeries:
    """A series as data frames have it, of no library."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return np.array(self.values, dtype=object)

    def __array__(self, dtype=None, copy=None):
        return self.to_numpy()


class OwnFrame(OwnSeries):
    """A data frame, which NumPy can read, too."""

    columns = ("text",)

    def __getitem__(self, name):
        return self.values


@pytest.mark.parametrize("wrap", [list, tuple, np.array, OwnSeries, lambda x: np.array(x, dtype=object)])
def test_lists_arrays_and_series_are_the_same(wrap):
    expected = [(f"text {i}", *pair, -1) for i, pair in enumerate(zip(TEXTS, LABELS, strict=True), 1)]
    assert documents_of(wrap(TEXTS), wrap(LABELS)).documents == expected
    assert [label for *_, label, _ in documents_of(wrap(TEXTS)).documents] == [None] * 3


def test_pandas_series():
    pandas = pytest.importorskip("pandas")
    found = documents_of(pandas.Series(TEXTS, index=[7, 8, 9]), pandas.Series([1, None, 0]))
    assert found.documents == [("text 1", "it purrs", "1", -1), ("text 3", "it sleeps", "0", -1)]
    assert [(each.name, each.reason) for each in found.rejected] == [("text 2", "it has no label")]
    assert is_array(pandas.Series(TEXTS))
    assert not is_array(pandas.DataFrame({"text": TEXTS}))


def test_what_is_an_array_and_what_may_be_paths():
    assert is_array(np.array(TEXTS))
    assert is_array(OwnSeries(TEXTS))
    for other in (TEXTS, "a", Path("a"), {"text": TEXTS}, OwnFrame(TEXTS)):
        assert not is_array(other)


def test_a_missing_text_of_an_array_is_an_empty_one():
    assert documents_of(np.array(["a", None, np.nan], dtype=object)).documents == [
        ("text 1", "a", None, -1), ("text 2", "", None, -1), ("text 3", "", None, -1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        (["a", 3], None, ArgumentError, r"got 3 at place 1 \(from 0\); give ''"),
        (np.array([1.0]), None, ArgumentError, "numbers or dates"),
        (np.array([["a"]]), None, DataError, "an array of shape"),
        (OwnFrame(["a"]), None, ArgumentError, "of a data frame, its column"),
        ({"a"}, None, ArgumentError, "got a set"),
        (["a", "b"], ["x"], ArgumentError, "a label for each of 2 texts; got 1 labels"),
        (["a"], [0.5], DataError, "fractions"),
    ],
)
def test_what_is_refused(texts, labels, error, message):
    with pytest.raises(error, match=message):
        documents_of(texts, labels)


@pytest.mark.parametrize("texts", [[None, np.nan], [np.nan], []])
def test_arrays_of_nothing_but_missing_texts_are_empty_texts(texts):
    for wrap in (np.array, OwnSeries):
        assert [text for _, text, _, _ in documents_of(wrap(texts)).documents] == [""] * len(texts)
    assert strings_of(np.array([np.nan, 1.0])) is None
    assert strings_of(np.array(["NaT"], dtype="datetime64[us]")) == [""]
