"""The kinds of a whole table: guessed, overridden, applied again, saved."""

import json

import numpy as np
import pytest

from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.schema import ColumnType, Kind, Schema
from fivefold.tasks.tables.table import Table

RNG = np.random.default_rng(5)
CODES = RNG.integers(10_000, 10_040, 400)


def test_house_prices(repository):
    table = read(repository / "examples" / "house_prices.parquet")
    schema = Schema.guess(table, "price")
    kinds = {column.name: column.kind.value for column in schema.columns}
    expected = dict.fromkeys(kinds, "number") | {
        "id": "identifier", "date": "date", "waterfront": "boolean", "zipcode": "category",
    }  # fmt: skip
    assert kinds == expected
    assert schema["price"].kind is Kind.NUMBER
    assert len(schema["zipcode"].levels) == 70
    assert "70" in schema["zipcode"].reason
    assert schema["zipcode"].certain
    assert {c.name for c in schema.uncertain} == {"view", "condition", "grade"}
    typed = schema.apply(table, fitting=True)
    assert "id" not in typed.names
    assert typed.column("zipcode")[0] == "98178"
    assert set(np.unique(typed.column("waterfront"))) == {0.0, 1.0}


def test_missing_and_extra_columns():
    trained = Schema.guess(from_frame({"a": [1.5, 2.5], "b": [1.0, 2.0], "y": [1.0, 3.0]}), "y")
    with pytest.raises(DataError, match="'b'"):
        trained.apply(from_frame({"a": [1.0]}))
    table = trained.apply(from_frame({"b": [1.0], "z": [3.0], "a": [2.0], "y": [0.0]}))
    assert table.names == ("a", "b")
    assert table.notes == ("columns that the model does not use are passed over: 'z'",)


def test_applying_to_the_training_table_changes_no_value():
    table = from_frame({"a": RNG.normal(size=50), "c": RNG.choice(["u", "v", "w"], 50)})
    typed = Schema.guess(table).apply(table, fitting=True)
    for name in table.names:
        np.testing.assert_array_equal(typed.column(name), table.column(name))


# --- overrides ----------------------------------------------------------------------------------------------


def test_overrides_win():
    table = from_frame(
        {"bedrooms": CODES % 5, "flag": np.where(CODES % 2, "m", "w"), "k": np.arange(400) * 1.0}
    )
    schema = Schema.guess(table, None, {"bedrooms": "category", "flag": "boolean", "k": "identifier"})
    assert schema["bedrooms"].levels == ("0", "1", "2", "3", "4")
    assert schema["bedrooms"].reason == "as you said"
    typed = schema.apply(table)
    assert typed.names == ("bedrooms", "flag")
    np.testing.assert_array_equal(typed.column("flag"), (CODES % 2 == 0).astype(float))
    assert Schema.guess(table, None, {"k": "text"}).apply(table).column("k")[1] == "1"


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        ({"nothing": "number"}, ArgumentError, "'nothing'"),
        ({"word": "colour"}, ArgumentError, "'colour'"),
        ({"word": "number"}, DataError, "a number in every row"),
        ({"word": "date"}, DataError, "a date in every row"),
        ({"word": "boolean"}, DataError, "two values"),
    ],
)
def test_overrides_that_cannot_be(overrides, error, words):
    with pytest.raises(error, match=words):
        Schema.guess(from_frame({"word": ["red", "green", "blue"] * 10}), None, overrides)


def test_a_target_that_is_not_there():
    with pytest.raises(DataError, match="'price'"):
        Schema.guess(from_frame({"prize": [1.0, 2.0]}), "price")


# --- the target's values ------------------------------------------------------------------------------------


def test_target_values():
    table = from_frame({"y": ["no", "yes", None], "x": [1, 2, 3]})
    values, notes = Schema.guess(table, "y").apply_target(table)
    np.testing.assert_array_equal(values, [0.0, 1.0, np.nan])
    assert notes == []


@pytest.mark.parametrize("cells", [[5, 5, 5], [None, None, None], ["a", "a", None]])
def test_a_target_without_information(cells):
    table = from_frame({"y": cells, "x": [1, 2, 3]})
    with pytest.raises(DataError, match="at least two values"):
        Schema.guess(table, "y").apply_target(table)


def test_no_target_and_infinite_targets():
    table = from_frame({"y": [1.0, np.inf, 2.5], "x": [1, 2, 3]})
    with pytest.raises(ArgumentError, match="with a target"):
        Schema.guess(table).apply_target(table)
    with pytest.raises(DataError, match="row 2"):
        Schema.guess(table, "y").apply_target(table)


def test_a_target_whose_squares_vanish():
    table = from_frame({"y": [1e-120, 3e-120, 2e-120], "x": [1, 2, 3]})
    with pytest.raises(DataError, match="differ by at least 1e-100; got 2e-120"):
        Schema.guess(table, "y").apply_target(table)


# --- records ------------------------------------------------------------------------------------------------


def test_the_record_is_json_and_comes_back(repository):
    table = read(repository / "examples" / "house_prices.parquet", "select * from data limit 500")
    table = Table({**table.columns, "paid": np.array(["1.234,5", "2,5"] * 250, dtype=object)})
    schema = Schema.guess(table, "price", {"grade": "category"})
    record = json.loads(json.dumps(schema.to_record()))
    again = Schema.from_record(record)
    assert again == schema
    first, second = schema.apply(table), again.apply(table)
    for name in first.names:
        np.testing.assert_array_equal(first.column(name), second.column(name))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"columns": None},
        {"columns": [{}]},
        {"columns": [None]},
        {"columns": [{**ColumnType("x", Kind.NUMBER, "").to_record(), "kind": "colour"}]},
        {"columns": [{**ColumnType("x", Kind.NUMBER, "").to_record(), "date_form": "backwards"}]},
        {"columns": [{**ColumnType("x", Kind.NUMBER, "").to_record(), "number_form": {"decimal": "!"}}]},
    ],
)
def test_strange_records_are_refused(change):
    record = Schema((ColumnType("x", Kind.NUMBER, ""),)).to_record()
    with pytest.raises(ArtifactError):
        Schema.from_record({**record, **change})
    with pytest.raises(ArtifactError):
        Schema.from_record([])


def test_columns_by_name():
    schema = Schema.guess(from_frame({"x": [1.5, 2.5], "y": [1.0, 2.0]}), "y")
    assert schema["y"] is schema.target
    assert schema["x"] is schema.columns[0]
    with pytest.raises(KeyError):
        schema["z"]


def _levels(**more):
    size = np.array(["low", "mid", "high", "mid"] * 6, dtype=object)
    return Table({"x": np.arange(24.0) ** 2, "size": size, "q": np.array([3.0, 10.0, 9.0] * 8), **more})


def test_an_ordered_target_is_levels_in_their_order():
    schema = Schema.guess(_levels(), "size", order=("low", "mid", "high"))
    assert (schema.target.kind, schema.target.levels) == (Kind.ORDERED, ("low", "mid", "high"))
    assert Schema.from_record(json.loads(json.dumps(schema.to_record()))) == schema
    numbers = Schema.guess(_levels(), "q", {"q": "ordered"})
    assert numbers.target.levels == ("3", "9", "10")
    assert numbers.apply_target(_levels())[0].tolist()[:2] == ["3", "10"]
    assert Schema.guess(_levels(), "q", {"q": "ordered"}, (10, 9.0, "3")).target.levels == ("10", "9", "3")
    assert (
        Schema.guess(_levels(), "size", {"size": "category"}, ("mid", "low", "high")).target.levels[0]
        == "mid"
    )


@pytest.mark.parametrize(
    ("target", "overrides", "order", "error", "words"),
    [
        (
            "size",
            {"size": "ordered"},
            None,
            DataError,
            "an order of the labels of 'size': 'high', 'low', 'mid'",
        ),
        ("size", {}, ("low", "mid"), ArgumentError, "without 'high'"),
        ("size", {}, ("low", "mid", "high", "top"), ArgumentError, "with 'top', which no row has"),
        (
            "size",
            {},
            ("low", "mid", "mid", "high"),
            ArgumentError,
            "every level once; got 'mid' more than once",
        ),
        ("q", {}, ("3", "9", "10"), ArgumentError, "got a target of kind number .*say --types q=ordered"),
        (
            "x",
            {"x": "number"},
            ("0", "1"),
            ArgumentError,
            "got a target of kind number; say --types x=ordered",
        ),
        ("x", {"x": "ordered"}, None, DataError, "at most 20 levels of the ordered target 'x'; got 24"),
        ("one", {"one": "ordered"}, None, DataError, "a target 'one' that varies; got the one level '7'"),
        (
            "size",
            {"q": "ordered"},
            None,
            ArgumentError,
            "the kind ordered for the target; got for the column 'q'",
        ),
    ],
)
def test_orders_that_cannot_be(target, overrides, order, error, words):
    with pytest.raises(error, match=words):
        Schema.guess(_levels(one=np.full(24, 7.0)), target, overrides, order)
