"""From a source to typed rows: roles of columns, what is dropped, and what is refused."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.prepare import LEAST_ROWS, prepare


def _data(n=60, seed=0):
    generator = np.random.default_rng(seed)
    return {
        "x": generator.normal(size=n),
        "c": generator.choice(np.array(["u", "v", "w"], dtype=object), n),
        "when": np.datetime64("2021-01-01", "us") + np.arange(n) * np.timedelta64(1, "D"),
        "place": np.array([f"p{i % 7}" for i in range(n)], dtype=object),
        "w": generator.uniform(1, 3, n),
        "hours": generator.uniform(0.5, 2, n),
        "y": generator.normal(size=n) * 10,
    }


def test_the_target_is_apart_and_the_columns_are_typed():
    data = _data()
    found = prepare(data, "y")
    assert found.target_name == "y"
    assert found.target_kind is Kind.NUMBER
    np.testing.assert_array_equal(found.target, data["y"])
    assert found.typed.names == ("x", "c", "when", "place", "w", "hours")
    assert (found.weights, found.offset, found.groups, found.times) == (None, None, None, None)


def test_weights_have_mean_one_and_are_no_feature():
    data = _data()
    found = prepare(data, "y", weight="w")
    np.testing.assert_allclose(found.weights, data["w"] / data["w"].mean())
    assert "w" not in found.typed.names
    assert all(c.name != "w" for c in found.schema.columns)


def test_an_exposure_is_no_feature_but_is_asked_for_at_prediction():
    data = _data() | {"y": np.arange(60.0) % 5}
    found = prepare(data, "y", exposure="hours")
    np.testing.assert_allclose(found.offset, np.log(data["hours"]))
    assert "hours" not in found.typed.names
    assert "hours" in found.schema.apply(found.raw).names


def test_groups_are_codes_and_the_column_is_no_feature():
    found = prepare(_data(), "y", group="place")
    assert np.array_equal(found.groups, np.arange(60) % 7)
    assert "place" not in found.typed.names
    assert any("stay together" in note for note in found.notes)


def test_times_order_the_rows_and_the_column_stays_a_feature():
    found = prepare(_data(), "y", time="when")
    np.testing.assert_allclose(np.diff(found.times), 86400)
    assert "when" in found.typed.names
    order = np.random.default_rng(1).permutation(60)
    numbers = prepare(_data() | {"n": order.astype(float)}, "y", time="n")
    np.testing.assert_array_equal(numbers.times, order)


def test_columns_are_left_out_on_request():
    assert prepare(_data(), "y", drop=["c", "when"]).typed.names == ("x", "place", "w", "hours")


def test_kinds_can_be_said():
    data = _data() | {"x": (np.arange(60.0) % 4)}
    found = prepare(data, "y", types={"x": "category"})
    assert found.schema["x"].kind is Kind.CATEGORY
    assert set(found.typed.column("x").tolist()) == {"0", "1", "2", "3"}


def test_rows_without_a_target_are_left_out_and_counted():
    data = _data()
    data["y"][[3, 5]] = np.nan
    found = prepare(data, "y")
    assert found.typed.rows == found.raw.rows == len(found.target) == 58
    assert "2 of 60 rows have no y and were left out." in found.notes


def test_weights_stay_beside_their_rows():
    data = _data()
    data["y"][::4] = np.nan
    data["w"] = np.arange(1.0, 61.0)
    found = prepare(data, "y", weight="w")
    kept = data["w"][np.isfinite(data["y"])]
    np.testing.assert_allclose(found.weights * kept.mean(), kept)


def test_a_target_of_two_words_is_a_class_with_its_own_words():
    data = _data() | {"y": np.array(["yes", "no"] * 30, dtype=object)}
    found = prepare(data, "y")
    assert found.target_kind is Kind.CATEGORY
    assert set(found.target.tolist()) == {"yes", "no"}


def test_a_path_and_a_query(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(40)))
    found = prepare(path, "y", query="select a, b * 2.5 as y from data where a >= 10")
    assert found.raw.rows == 30
    assert found.target[0] == 250.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "y"}, "'y' named twice"),
        ({"exposure": "y"}, "'y' named twice"),
        ({"group": "y"}, "'y' named twice"),
        ({"time": "y"}, "'y' named twice"),
        ({"drop": ["y"]}, "'y' named twice"),
        ({"weight": "w", "exposure": "w"}, "'w' named twice"),
    ],
)
def test_a_column_of_two_roles_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        prepare(_data(), "y", **options)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"group": "plase"}, "did you mean 'place'"),
        ({"y": np.full(60, np.nan)}, {}, "all 60 rows missing"),
        ({"y": np.r_[np.arange(9.0), np.full(51, np.nan)]}, {}, f"at least {LEAST_ROWS} rows"),
        (
            {"w": np.r_[0.0, np.ones(59) + np.arange(59)]},
            {"weight": "w"},
            "positive numbers in the weight column",
        ),
        ({"w": np.r_[np.nan, np.ones(59) + np.arange(59)]}, {"weight": "w"}, "1 that are not"),
        ({}, {"weight": "c"}, "a column of kind category"),
        ({}, {"time": "c"}, "dates or numbers in the time column 'c'"),
        (
            {"when": np.array(["NaT", *["2020-01-01", "2021-01-05"] * 29, "2022-01-01"], "M8[us]")},
            {"time": "when"},
            "1 missing",
        ),
        (
            {"id": np.arange(60.0), "k": np.array([f"k{i}" for i in range(60)], dtype=object)},
            {"drop": ["x", "c", "when", "place", "w", "hours"]},
            r"to predict from; got none of use \('id': counts the rows; 'k': .*\); add one, or say what one",
        ),
        (
            {},
            {"drop": ["x", "c", "when", "place", "w", "hours"]},
            "at least one column to predict from; got none; add one",
        ),
        ({"y": np.ones(60)}, {}, "at least two values"),
        (
            {"w": np.r_[1e-13, np.ones(59) + np.arange(59)]},
            {"weight": "w"},
            "at most 1e\\+12 times the smallest",
        ),
        (
            {"place": np.array(["p", "q"] * 30, dtype=object)},
            {"group": "place"},
            "at least 3 groups in 'place'",
        ),
        ({"y": np.array(["a", "b"] * 30, dtype=object)}, {"exposure": "hours"}, "counts in 'y' beside"),
        (
            {"y": np.array(["5"] * 2 + ["-"] * 51 + ["1", "2", "3", "4", "5", "6", "7"], dtype=object)},
            {"types": {"y": "number"}},
            f"at least {LEAST_ROWS} rows",
        ),
    ],
)
def test_what_cannot_be_modelled_is_refused(change, options, message):
    with pytest.raises(DataError, match=message):
        prepare(_data() | change, "y", **options)


@pytest.mark.parametrize("word", ["nan", " NaN", "N/A", "null", ""])
def test_words_for_no_value_are_no_class(word):
    found = prepare(_data() | {"y": np.array(["u", "v", word] * 20, dtype=object)}, "y")
    assert set(found.target.tolist()) == {"u", "v"}
    assert "20 of 60 rows have no y and were left out." in found.notes


def test_words_that_may_be_a_class_stay_one():
    found = prepare(_data() | {"y": np.array(["none", "mild", "na"] * 20, dtype=object)}, "y")
    assert set(found.target.tolist()) == {"none", "mild", "na"}


def test_gaps_in_a_target_of_written_numbers_are_counted():
    cells = ["-" if i % 6 == 0 else f"{i},5" for i in range(60)]
    found = prepare(_data() | {"y": np.array(cells, dtype=object)}, "y")
    assert found.typed.rows == 50
    assert "10 rows whose y cannot be read were left out." in found.notes


def test_a_column_with_a_role_is_not_said_to_be_unused():
    found = prepare(_data(), "y", group="place", weight="w")
    assert not [note for note in found.notes if "passed over" in note]


def test_an_ordered_target_keeps_its_order_beside_gaps_and_booleans():
    data = _data() | {"y": np.array(["low", "high", "mid", None] * 15, dtype=object)}
    found = prepare(data, "y", order=("low", "mid", "high"))
    assert found.target_kind is Kind.ORDERED
    assert found.schema.target.levels == ("low", "mid", "high")
    assert len(found.target) == 45
    answers = _data() | {"y": np.array(["yes", "no"] * 30, dtype=object)}
    assert prepare(answers, "y", order=("yes", "no")).schema.target.levels == ("yes", "no")
