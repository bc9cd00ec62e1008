"""Columns of labels and of splits are found, and what is neither is refused."""

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.labelled_table import given_split, labels_of, names_of, split_column, target_column
from fivefold.tasks.tables.read import from_frame


def _table(**columns):
    return from_frame(columns)


def test_the_column_of_labels_is_the_one_named_or_the_only_other():
    table = _table(path=["a", "b"], Label=["x", "y"], n=[1.0, 2.0])
    assert target_column(table, None, {"path"}, "t.csv") == "Label"
    assert target_column(table, "n", {"path"}, "t.csv") == "n"
    assert target_column(_table(path=["a"], kind=["x"]), None, {"path"}, "t.csv") == "kind"
    with pytest.raises(DataError, match="a column of labels; got the columns 'a', 'b', 'c'"):
        target_column(_table(a=["x"], b=["y"], c=["z"]), None, set(), "t.csv")
    with pytest.raises(DataError):
        target_column(table, "none", {"path"}, "t.csv")


def test_labels_are_texts_without_points_and_gaps_are_none():
    assert labels_of(np.array([3.0, np.nan, 1.0]), "y", "texts") == ["3", None, "1"]
    assert labels_of(np.array([0.0, -0.0]), "y", "texts") == ["0", "0"]
    assert labels_of(np.array([" a ", None, ""], dtype=object), "y", "texts") == ["a", None, None]
    with pytest.raises(DataError, match="which holds fractions"):
        labels_of(np.array([0.5]), "y", "texts")
    with pytest.raises(DataError, match="which holds infinity"):
        labels_of(np.array([np.inf, 1.0]), "y", "texts")
    with pytest.raises(DataError, match="which holds dates"):
        labels_of(np.array(["2020-01-01"], dtype="datetime64[D]"), "y", "texts")


@pytest.mark.parametrize(("words", "roles"), [
    (["train", "Test", "train"], [0, 1, 0]),
    (["training", "validation", "testing"], [0, 0, 1]),
    (["train", "dev", None], [0, 1, -1]),
])  # fmt: skip
def test_a_split_is_read_and_validation_goes_where_it_is_needed(words, roles):
    table = _table(path=["a"] * 3, Split=words)
    notes = []
    column = split_column(table, {"path"})
    assert column == "Split"
    assert given_split(table, column, notes, "texts") == roles
    assert "'Split'" in notes[-1]
    assert len(notes) == 1 + any(str(w).lower() in {"validation", "dev"} for w in words)


@pytest.mark.parametrize("words", [["train", "train"], ["a", "b"], ["test", "test"]])
def test_what_does_not_divide_is_no_split(words):
    table = _table(set=words)
    assert split_column(table, set()) is None
    assert given_split(table, None, [], "texts") == [-1, -1]


def test_many_names_are_cut():
    assert names_of(_table(**{f"c{i}": ["x"] for i in range(12)})).endswith("'c7', ...")


@pytest.mark.parametrize("words", [["train", "test", "tset"], ["train", "train", "held out"]])
def test_an_unknown_word_beside_training_and_test_is_refused(words):
    with pytest.raises(DataError, match=r"in the column 'split'; got '(tset|held out)'"):
        split_column(_table(split=words, n=[1.0, 2.0, 3.0]), set())


def test_a_column_of_other_words_is_no_split():
    assert split_column(_table(set=["train", "bus", "car"]), set()) is None


def test_rows_without_a_word_are_noted():
    notes: list[str] = []
    table = _table(split=["train", "test", " "])
    assert split_column(table, set()) == "split"
    assert given_split(table, "split", notes, "pictures") == [0, 1, -1]
    assert notes[-1].endswith("and which for test (for 1 it says nothing: they train).")
