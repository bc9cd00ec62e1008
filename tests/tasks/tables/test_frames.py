"""Tables from memory: one table, whatever holds it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.frames import column_names, from_frame, is_frame


def test_sources_of_the_same_rows_agree():
    columns = {"x": [1.0, None, 3.0], "c": ["a", "b", None], "b": [True, None, False]}
    records = [{name: values[i] for name, values in columns.items()} for i in range(3)]
    frame = pd.DataFrame(columns)
    typed = frame.astype({"c": "category", "b": "boolean", "x": "Float64"})
    for source in (columns, records, frame, typed, from_frame(columns)):
        table = from_frame(source)
        assert table.names == ("x", "c", "b")
        np.testing.assert_array_equal(table.column("x"), [1.0, np.nan, 3.0])
        assert table.column("c").tolist() == ["a", "b", None]
        assert table.column("b").tolist() == [True, None, False]


def test_an_arrow_like_table_is_read_by_its_column_names():
    class Arrow:
        column_names = ("x",)

        def __getitem__(self, name):
            return np.array([1, 2])

    assert from_frame(Arrow()).column("x").tolist() == [1.0, 2.0]


def test_absent_keys_are_missing():
    table = from_frame([{"a": 1}, {"b": "x"}])
    np.testing.assert_array_equal(table.column("a"), [1.0, np.nan])
    assert table.column("b").tolist() == [None, "x"]


def test_arrays():
    table = from_frame(np.arange(6).reshape(3, 2))
    assert table.names == ("x0", "x1")
    assert table.column("x1").tolist() == [1.0, 3.0, 5.0]
    structured = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("c", "U1")])
    assert from_frame(structured).column("c").tolist() == ["a", "b"]
    masked = np.ma.array([1, 2], mask=[False, True])
    np.testing.assert_array_equal(from_frame({"m": masked}).column("m"), [1.0, np.nan])


def test_times_lose_their_zone_and_nothing_else():
    moment = datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))
    want = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
    frame = pd.DataFrame({"t": pd.Series([pd.Timestamp(moment), pd.NaT])})
    for source in (frame, {"t": [moment, None]}, {"t": np.array([want, "NaT"], dtype="datetime64[ns]")}):
        found = from_frame(source).column("t")
        assert found.dtype == np.dtype("datetime64[us]")
        assert found[0] == want
        assert np.isnat(found[1])
    assert from_frame({"d": [date(2020, 1, 2)]}).column("d")[0] == np.datetime64("2020-01-02", "us")


def test_other_numbers():
    assert from_frame({"x": [Decimal("1.5"), np.float32(2), 3]}).column("x").tolist() == [1.5, 2.0, 3.0]
    durations = from_frame({"x": np.array([90, 30], dtype="timedelta64[s]")})
    assert durations.column("x").tolist() == [90.0, 30.0]
    assert "seconds" in durations.notes[0]


@pytest.mark.parametrize("big", [np.array([2**60, 1]), [2**60, 1], np.array([2**63, 1], dtype=np.uint64)])
def test_whole_numbers_that_lose_digits_stay_texts(big):
    table = from_frame({"k": big})
    assert table.column("k").tolist() == [str(int(big[0])), "1"]
    assert "2^53" in table.notes[0]


def test_mixed_cells_become_text_and_are_said():
    table = from_frame({"x": [1, "a", None]})
    assert table.column("x").tolist() == ["1", "a", None]
    assert "mixes number and text" in table.notes[0]


@pytest.mark.parametrize("cell", [[1], {"a": 1}, b"raw", 1j])
def test_cells_that_are_no_cells_are_refused_by_name(cell):
    with pytest.raises(DataError, match="'odd'"):
        from_frame({"odd": [cell, cell]})


def test_other_refusals():
    with pytest.raises(DataError, match="named 'a'"):
        from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DataError, match="named '1'"):
        from_frame({1: [1.0], "1": [2.0]})
    with pytest.raises(DataError, match="one length"):
        from_frame({"a": [1.0], "b": [1.0, 2.0]})
    with pytest.raises(DataError, match="one value in each cell"):
        from_frame({"a": np.zeros((2, 2))})
    with pytest.raises(DataError, match="no row"):
        from_frame({"a": []})
    with pytest.raises(DataError, match="empty list"):
        from_frame([])
    with pytest.raises(DataError, match="complex"):
        from_frame({"z": np.array([1j])})
    with pytest.raises(ArgumentError, match="shape"):
        from_frame(np.zeros(3))
    for other in (3, "text", [1, 2], object()):
        with pytest.raises(ArgumentError, match="data frame"):
            from_frame(other)


class _Arrow:
    column_names = ("x",)

    def __getitem__(self, name):
        return np.array([1, 2])


def test_what_is_a_frame_is_read_by_its_names():
    table = from_frame({"x": [1, 2]})
    structured = np.array([(1,), (2,)], dtype=[("x", "i4")])
    records = [{"x": 1}, {"x": 2}]
    for source in (table, {"x": [1, 2]}, pd.DataFrame({"x": [1, 2]}), _Arrow(), structured, records):
        assert is_frame(source)
        assert column_names(source) == ["x"]
        assert from_frame(source).column("x").tolist() == [1.0, 2.0]
    for other in (np.ones((2, 1)), [], [1], [{"x": 1}, 2], (), "x.csv", "", b"", 3, None, pd.Series([1])):
        assert not is_frame(other)
    assert is_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))  # its reader says what is wrong with it


def test_a_tensor_that_numpy_cannot_read_is_refused_in_words():
    torch = pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match="an array that NumPy can read"):
        from_frame({"x": torch.ones(2, requires_grad=True)})
