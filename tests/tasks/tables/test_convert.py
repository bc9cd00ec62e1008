"""The same column at fit and at prediction, however the later file stores it."""

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.tables.convert import boolean_words, format_number
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.schema import ColumnType, Kind, Physical, Schema

RNG = np.random.default_rng(5)
CODES = RNG.integers(10_000, 10_040, 400)


def test_one_level_however_it_is_stored():
    trained = Schema.guess(from_frame({"zip": CODES, "y": CODES * 1.0}), "y")
    stored = [
        np.array([10_001, 10_002]),
        np.array([10_001.0, 10_002.0]),
        ["10001", "10002"],
        ["10001.0", " 10002 "],
        np.array([10_001, 10_002], dtype=object),
    ]
    for values in stored:
        assert trained.apply(from_frame({"zip": values})).column("zip").tolist() == ["10001", "10002"]


def test_booleans_however_they_are_stored():
    trained = Schema.guess(from_frame({"b": CODES % 2 == 0}))
    for values in (
        [True, False, None],
        ["yes", "No", ""],
        ["TRUE", "f", "NA"],
        [1, 0, None],
        ["1", "0", "?"],
    ):
        np.testing.assert_array_equal(
            trained.apply(from_frame({"b": values})).column("b"), [1.0, 0.0, np.nan]
        )
    with pytest.raises(DataError, match="'b'"):
        trained.apply(from_frame({"b": [2.0, 1.0]}))


def test_dates_however_they_are_stored():
    days = [f"{1 + i % 28:02d}.03.2020" for i in range(60)]
    trained = Schema.guess(from_frame({"d": days}))
    want = np.array(["2020-03-02", "2020-03-15", "NaT"], dtype="datetime64[us]")
    stored = [["02.03.2020", "15.03.2020", ""], ["2020-03-02", "2020-03-15", None], want]
    for values in stored:
        np.testing.assert_array_equal(trained.apply(from_frame({"d": values})).column("d"), want)
    assert "year-month-day" in trained.apply(from_frame({"d": stored[1]})).notes[0]
    with pytest.raises(DataError, match="a date in every row"):
        trained.apply(from_frame({"d": [1.0, 2.0]}))
    numbers = Schema.guess(from_frame({"date": 20200101 + CODES % 28}))
    assert numbers.apply(from_frame({"date": [20200131]})).column("date")[0] == np.datetime64(
        "2020-01-31", "us"
    )


def test_numbers_keep_the_form_of_training():
    trained = Schema.guess(from_frame({"x": ["1.234,5", "7,25"] * 20}))
    assert trained.apply(from_frame({"x": ["2.000", "3,5"]})).column("x").tolist() == [2000.0, 3.5]
    noted = trained.apply(from_frame({"x": [2.5]}))
    assert "decimal comma in training" in noted.notes[0]
    plain = Schema.guess(from_frame({"x": RNG.normal(size=40)}))
    assert plain.apply(from_frame({"x": ["$1,200.50", "$3"]})).column("x").tolist() == [1200.5, 3.0]
    assert plain.apply(from_frame({"x": [True, False]})).column("x").tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="a number in every row"):
        plain.apply(from_frame({"x": np.array(["2020-01-01"], dtype="datetime64[us]")}))


def test_other_crossings():
    trained = Schema(
        (ColumnType("c", Kind.CATEGORY, "", physical=Physical.TEXT), ColumnType("b", Kind.BOOLEAN, ""))
    )
    dates = np.array(["2020-01-01", "NaT"], dtype="datetime64[us]")
    table = from_frame({"c": dates, "b": [0.0, 1.0]})
    assert trained.apply(table).column("c").tolist() == ["2020-01-01T00:00:00.000000", None]
    assert trained.apply(from_frame({"c": [True, False], "b": [0, 1]})).column("c").tolist() == [
        "true",
        "false",
    ]
    with pytest.raises(DataError, match="a boolean in every row"):
        trained.apply(from_frame({"c": ["a", "b"], "b": dates}))


def test_one_contradiction_in_a_hundred_is_a_gap_and_more_are_an_error():
    trained = Schema.guess(from_frame({"x": RNG.normal(size=40)}))
    one = [*map(str, range(99)), "blue"]
    table = trained.apply(from_frame({"x": one}))
    assert np.isnan(table.column("x")[-1])
    assert "'blue'" in table.notes[0]
    with pytest.raises(DataError, match="2 of 100 cells") as caught:
        trained.apply(from_frame({"x": [*one[1:], "green"]}))
    assert "'blue'" in str(caught.value)


def test_infinities_stop_a_fit_and_are_gaps_later():
    trained = Schema.guess(from_frame({"x": RNG.normal(size=40)}))
    table = from_frame({"x": [1.0, np.inf, -np.inf, 2.0]})
    with pytest.raises(DataError, match=r"2 infinite values \(row 2, 3\).*--drop x"):
        trained.apply(table, fitting=True)
    later = trained.apply(table)
    np.testing.assert_array_equal(later.column("x"), [1.0, np.nan, np.nan, 2.0])
    assert "read as missing" in later.notes[0]


def test_unseen_levels_are_counted():
    trained = Schema.guess(from_frame({"c": ["a", "b", "c"] * 20}))
    note = trained.apply(from_frame({"c": ["a", "z", "z", None]})).notes[0]
    assert "2 rows hold a level unseen" in note


def test_texts_of_numbers_and_words_of_booleans():
    assert [format_number(v) for v in (1e20, -0.0, 0.1, np.inf)] == [
        "100000000000000000000",
        "0",
        "0.1",
        "inf",
    ]
    assert boolean_words(["T", "f", " t "]) == ("f", "t")
    assert boolean_words(["yes", "true"]) is None
    assert boolean_words([]) is None


@pytest.mark.parametrize("value", [1.01e100, -1e300])
def test_numbers_whose_squares_overflow_count_as_infinite(value):
    trained = Schema.guess(from_frame({"x": RNG.normal(size=40)}))
    table = from_frame({"x": [1.0, value, 1e99, 2.0]})
    with pytest.raises(DataError, match=r"at most 1e\+100 in size; got 1 larger value \(row 2\).*--drop x"):
        trained.apply(table, fitting=True)
    later = trained.apply(table)
    np.testing.assert_array_equal(later.column("x"), [1.0, np.nan, 1e99, 2.0])
    assert "1 larger value (row 2) read as missing" in later.notes[0]
