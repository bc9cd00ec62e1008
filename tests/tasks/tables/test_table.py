"""A table keeps its columns of one length and of known physical kinds, and names what is not there."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.table import Table, missing


@pytest.fixture
def table():
    return Table(
        {
            "x": np.array([1.0, np.nan, 3.0]),
            "c": np.array(["a", None, "b"], dtype=object),
            "d": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[us]"),
        },
        "here",
        ("a note",),
    )


def test_missing_is_found_in_each_physical_kind(table):
    for column in table.columns.values():
        assert missing(column).tolist() == [False, True, False]
    assert missing(np.zeros(0, dtype=object)).shape == (0,)
    assert missing(np.array(["", "None"], dtype=object)).tolist() == [False, False]


def test_rows_by_index_mask_and_slice_agree(table):
    by_index = table.take(np.array([2, 0]))
    assert by_index.column("x").tolist() == [3.0, 1.0]
    assert table.take(np.array([True, False, True])).rows == 2
    assert table.take(slice(1, None)).column("c").tolist() == [None, "b"]
    assert by_index.source == "here"
    assert by_index.notes == ("a note",)


def test_select_and_drop_are_complements(table):
    assert table.select(["d", "x"]).names == ("d", "x")
    assert table.drop(["d", "x"]).names == ("c",)
    assert table.noted("b").notes == ("a note", "b")


@pytest.mark.parametrize("call", ["column", "select", "drop"])
def test_an_absent_column_is_named_with_its_neighbours(table, call):
    with pytest.raises(DataError, match="'cc'") as caught:
        getattr(table, call)("cc" if call == "column" else ["cc"])
    assert "did you mean 'c'" in str(caught.value)


def test_no_neighbour_no_guess(table):
    with pytest.raises(DataError, match="letter by letter"):
        table.column("completely else")


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(DataError, match="one length"):
        Table({"x": np.zeros(2), "y": np.zeros(3)})


@pytest.mark.parametrize("bad", [np.zeros(2, dtype=np.int64), np.zeros((2, 1)), np.array(["a", "b"])])
def test_other_physical_kinds_are_refused(bad):
    with pytest.raises(ArgumentError, match="float64, datetime64 or object"):
        Table({"x": bad})


def test_no_columns_no_rows():
    assert Table({}).rows == 0
