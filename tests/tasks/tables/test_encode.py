"""Typed columns as numbers: standardised, clipped, flagged; seasons and levels; unseen and missing values."""

import json

import numpy as np
import pytest

from fivefold.core import ArtifactError
from fivefold.tasks.tables.encode import MOST_LEVELS, CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.table import Table


def _normal(n=300, seed=0):
    return np.random.default_rng(seed).normal(5.0, 2.0, n)


def test_a_number_is_standardised_and_held_inside_its_training_range():
    x = _normal()
    encoder = NumberEncoder.fit("x", x)
    z, names = encoder.transform(x)
    assert names == ["x"]
    assert z[:, 0].mean() == pytest.approx(0, abs=1e-12)
    assert z[:, 0].std() == pytest.approx(1, rel=1e-12)
    far, _ = encoder.transform(np.array([-1e6, 1e6]))
    np.testing.assert_allclose(far[:, 0], [z.min(), z.max()])
    np.testing.assert_allclose(encoder.invert(z[:, 0]), x, rtol=1e-12)


def test_an_outlier_is_held_within_five_deviations():
    x = np.r_[np.tile([-1.0, 1.0], 500), 1000.0, -1000.0]
    z, _ = NumberEncoder.fit("x", x).transform(x)
    assert z.max() == 5.0
    assert z.min() == -5.0


def test_a_skewed_positive_number_gets_the_logarithm_and_others_do_not():
    generator = np.random.default_rng(1)
    skewed = np.exp(generator.normal(3.0, 1.0, 2000))
    encoder = NumberEncoder.fit("x", skewed)
    assert encoder.unit == np.median(skewed)
    shaped = np.log1p(skewed / encoder.unit)
    expected = (shaped - shaped.mean()) / shaped.std()
    inside = np.abs(expected) <= 5
    np.testing.assert_allclose(encoder.transform(skewed)[0][inside, 0], expected[inside], rtol=1e-12)
    np.testing.assert_allclose(encoder.invert(expected), skewed, rtol=1e-10)
    assert NumberEncoder.fit("x", skewed - skewed.min() - 1.0).unit == 0.0  # negative values
    assert NumberEncoder.fit("x", _normal() + 100).unit == 0.0  # no skew


def test_missing_numbers_become_the_middle_and_a_flag():
    x = np.array([1.0, 2.0, np.nan, 3.0, np.inf])
    encoder = NumberEncoder.fit("x", x)
    z, names = encoder.transform(x)
    assert names == ["x", "x is missing"]
    np.testing.assert_array_equal(z[:, 1], [0, 0, 1, 0, 1])
    np.testing.assert_array_equal(z[[2, 4], 0], [0, 0])
    # without gaps in training there is no flag, and a gap is the middle
    z, names = NumberEncoder.fit("x", np.arange(5.0)).transform([np.nan])
    assert (z.tolist(), names) == ([[0.0]], ["x"])


@pytest.mark.parametrize("x", [np.full(50, 0.1), np.full(50, 1e15), np.zeros(50), np.full(50, np.nan)])
def test_a_constant_column_gives_zeros(x):
    z, _ = NumberEncoder.fit("x", x).transform(np.r_[x, 7.0, np.nan])
    assert np.abs(z[:, 0]).max() < 1e-9


def _dates(start, step, count):
    return np.arange(np.datetime64(start, "us"), np.datetime64(start, "us") + count * step, step)


def test_a_date_shows_the_seasons_that_its_span_holds():
    days = np.timedelta64(1, "D")
    assert DateEncoder.fit("d", _dates("2020-01-01", days, 800)).seasons == ("year", "week")
    assert DateEncoder.fit("d", _dates("2020-01-01", days, 60)).seasons == ("week",)
    assert DateEncoder.fit("d", _dates("2020-01-01", 7 * days, 200)).seasons == ("year",)
    hours = _dates("2020-01-01", np.timedelta64(1, "h"), 24 * 20)
    assert DateEncoder.fit("d", hours).seasons == ("week", "day")
    assert DateEncoder.fit("d", np.array(["NaT"] * 5, dtype="datetime64[us]")).seasons == ()


def test_a_season_repeats_after_its_period_and_not_before():
    dates = _dates("2020-01-01", np.timedelta64(1, "h"), 24 * 800)
    encoder = DateEncoder.fit("d", dates)
    assert encoder.seasons == ("year", "week", "day")
    start = np.datetime64("2021-03-05T07:00:00", "us")
    shifted = start + np.array([0, 24, 24 * 7], dtype="timedelta64[h]")
    z, names = encoder.transform(shifted)
    day = [names.index("d (day, sine)"), names.index("d (day, cosine)")]
    week = [names.index("d (week, sine)"), names.index("d (week, cosine)")]
    np.testing.assert_allclose(z[0, day], z[1, day], atol=1e-9)
    np.testing.assert_allclose(z[0, week], z[2, week], atol=1e-9)
    assert np.abs(z[0, week] - z[1, week]).max() > 0.1
    # seven in the morning is 7/24 of the circle
    np.testing.assert_allclose(z[0, day], [np.sin(2 * np.pi * 7 / 24), np.cos(2 * np.pi * 7 / 24)], atol=1e-9)


def test_missing_dates_are_flagged_and_have_no_season():
    dates = _dates("2020-01-01", np.timedelta64(1, "D"), 400)
    dates[3] = np.datetime64("NaT")
    z, names = DateEncoder.fit("d", dates).transform(dates)
    assert z[3, names.index("d is missing")] == 1.0
    assert np.delete(z[3], names.index("d is missing")).tolist() == [0.0] * (len(names) - 1)
    assert np.isfinite(z).all()


def test_codes_of_levels_unseen_rare_and_missing():
    values = np.array(["b"] * 12 + ["a"] * 8 + ["once"] + [None] * 3, dtype=object)
    encoder = CategoryEncoder.fit("c", values)
    assert encoder.levels == ("b", "a", "(missing)")
    assert encoder.codes(np.array(["a", "b", "once", "new", None], dtype=object)).tolist() == [
        1,
        0,
        -1,
        -1,
        2,
    ]
    few = CategoryEncoder.fit("c", np.array(["x", "y"], dtype=object))
    assert few.codes(np.array(["y", None], dtype=object)).tolist() == [1, -1]


def test_no_more_levels_than_the_limit_and_the_frequent_ones_stay():
    values = np.array(
        [f"v{i}" for i in range(MOST_LEVELS + 50) for _ in range(2)] + ["top"] * 5, dtype=object
    )
    levels = CategoryEncoder.fit("c", values).levels
    assert len(levels) == MOST_LEVELS
    assert levels[0] == "top"


def _everything(n=60):
    generator = np.random.default_rng(3)
    number = generator.normal(size=n)
    number[::7] = np.nan
    dates = np.datetime64("2020-01-01", "us") + generator.integers(0, 800, n) * np.timedelta64(1, "D")
    table = Table(
        {
            "x": number,
            "yes": (generator.random(n) > 0.5).astype(float),
            "d": dates,
            "c": generator.choice(np.array(["u", "v"], dtype=object), n),
            "t": generator.choice(np.array(["one two", "two three", "three one"], dtype=object), n),
        }
    )
    kinds = (Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.CATEGORY, Kind.TEXT)
    columns = [ColumnType(name, kind, "") for name, kind in zip(table.names, kinds, strict=True)]
    return table, Schema((*columns, ColumnType("id", Kind.IDENTIFIER, "", used=False)))


def test_all_columns_keep_their_names_and_origins():
    table, schema = _everything()
    rows = Encoder.fit(table, schema).transform(table)
    assert rows.numbers.shape == (60, len(rows.names))
    assert len(rows.origins) == len(rows.names)
    assert set(rows.origins) == {"x", "yes", "d", "t"}
    assert rows.levels == {"c": tuple(sorted("uv", key=lambda v: (-(table.column("c") == v).sum(), v)))}


def test_what_training_learned_is_replayed_row_by_row():
    table, schema = _everything()
    encoder = Encoder.fit(table, schema)
    whole = encoder.transform(table)
    for i in (0, 17, 59):
        one = encoder.transform(table.take(np.array([i])))
        np.testing.assert_allclose(one.numbers[0], whole.numbers[i], rtol=1e-12, atol=1e-12)
        assert one.codes["c"][0] == whole.codes["c"][i]


def test_the_saved_form_encodes_to_the_same_bits():
    table, schema = _everything()
    encoder = Encoder.fit(table, schema)
    config, tensors = flatten(encoder.state())
    back = Encoder.from_state(unflatten(json.loads(json.dumps(config)), tensors))
    a, b = encoder.transform(table), back.transform(table)
    assert np.array_equal(a.numbers, b.numbers)
    assert np.array_equal(a.codes["c"], b.codes["c"])
    assert (a.names, a.origins, a.levels) == (b.names, b.origins, b.levels)


def test_an_unknown_kind_of_encoder_is_refused():
    with pytest.raises(ArtifactError, match="an encoder of number"):
        Encoder.from_state({"columns": [{"kind": "os.system", "column": "x"}]})


def test_a_table_without_numbers_encodes_to_no_coordinates():
    table = Table({"c": np.array(["a", "b"] * 5, dtype=object)})
    schema = Schema((ColumnType("c", Kind.CATEGORY, ""),))
    assert Encoder.fit(table, schema).transform(table).numbers.shape == (10, 0)


@pytest.mark.parametrize("unit", [1e-310, 1e-200, 1.0, 1e90])
def test_the_unit_of_a_number_does_not_matter(unit):
    """Powers of two change no bit; below 1e-308 numbers have few digits left, and those count."""
    x = np.random.default_rng(0).normal(size=200) + 3.0
    plain, found = (NumberEncoder.fit("x", v).transform(v)[0] for v in (x, x * unit))
    np.testing.assert_allclose(
        found, plain, rtol=1e-9 if unit > 1e-300 else 0.05, atol=1e-2 if unit < 1e-300 else 0
    )
