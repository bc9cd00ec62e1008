"""Every type of SQL becomes a physical column or is refused by name; whole columns of text become numbers."""

import duckdb
import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.tables.read import read


def test_the_whole_column_decides_and_not_its_beginning(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("a,b\n" + "1,1\n" * 50_000 + "x7,2.5\n")
    table = read(path)
    assert table.column("a").dtype == object
    assert table.column("a")[-1] == "x7"
    assert table.column("b")[-1] == 2.5


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["1", " 2 ", ""], [1.0, 2.0, np.nan]),
        (["1.5e3", "-.5", "+2."], [1500.0, -0.5, 2.0]),
        (["1", "NA", "null", "-", "?", "#N/A", "NaN"], [1.0, *[np.nan] * 6]),
        (["inf", "1", "-Infinity"], [np.inf, 1.0, -np.inf]),
        (["9007199254740992", "1"], [2.0**53, 1.0]),
    ],
)
def test_numbers_in_text(tmp_path, cells, want):
    path = tmp_path / "t.csv"
    path.write_text("k,x\n" + "".join(f"r,{cell}\n" for cell in cells))
    np.testing.assert_array_equal(read(path).column("x"), want)


@pytest.mark.parametrize(
    "cells",
    [
        ["01001", "98178"],
        ["9007199254740993", "1"],
        ["1_000", "2"],
        ["0x1F", "2"],
        ["1,5", "2"],
        ["NA", "x"],
        ["-"],
    ],
)
def test_texts_that_only_look_like_numbers_stay_texts(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("k;x\n" + "".join(f"r;{cell}\n" for cell in cells))
    assert read(path).column("x").tolist() == cells


def test_an_empty_column_is_missing_numbers(tmp_path):
    (tmp_path / "t.csv").write_text('k,x\na,\nb,""\n')
    assert np.isnan(read(tmp_path / "t.csv").column("x")).all()


def test_types_of_sql(tmp_path):
    path = tmp_path / "types.parquet"
    duckdb.execute("set timezone = 'UTC'")
    duckdb.execute(
        """copy (select 12.5::decimal(10, 2) dec, 3::utinyint small, 1.5::float f, true b, 'x'::varchar t,
        date '2020-01-02' d, timestamp '2020-01-02 03:04:05.25' ts, timestamptz '2020-01-02 03:04:05+02' tz,
        time '00:01:30' clock, 9007199254740993::bigint big, {'u': 1, 'v': 'q'} s,
        'a'::enum('a', 'b') e, null::int n,
        timestamp_ns '2020-01-02 03:04:05.123456789' ns
        union all select null, null, null, null, null, null, null, null, null, null, null, null, null, null)
        """
        + f" to '{path}' (format parquet)"
    )
    table = read(path)
    first = {name: table.column(name)[0] for name in table.names}
    assert [first[n] for n in ("dec", "small", "f", "b", "t", "big", "s.u", "s.v", "e")] == [
        12.5, 3.0, 1.5, True, "x", "9007199254740993", 1.0, "q", "a",
    ]  # fmt: skip
    assert first["clock"] == 90.0
    assert first["tz"] == np.datetime64("2020-01-02T01:04:05", "us")
    assert first["ts"] == np.datetime64("2020-01-02T03:04:05.25", "us")
    assert first["ns"] == np.datetime64("2020-01-02T03:04:05.123457", "us")  # rounded
    assert all(name in " ".join(table.notes) for name in ("'big'", "'tz'", "'clock'", "'s'"))
    for name in table.names:
        last = table.column(name)[1]
        assert last is None or last != last, name


def test_infinite_dates_are_missing_and_said(tmp_path):
    path = tmp_path / "d.parquet"
    duckdb.execute(
        f"copy (select unnest([date 'infinity', date '2020-01-01']) d) to '{path}' (format parquet)"
    )
    table = read(path)
    assert np.isnat(table.column("d")).tolist() == [True, False]
    assert "1 infinite dates" in table.notes[0]


@pytest.mark.parametrize("kind", ["[1, 2]", "map {'k': 1}", "'ab'::blob", "{'u': {'v': 1}}", "'101'::bit"])
def test_nested_and_binary_columns_are_refused_by_name(tmp_path, kind):
    path = tmp_path / "n.parquet"
    duckdb.execute(f"copy (select 1 as y, {kind} as strange) to '{path}' (format parquet)")
    if kind == "'101'::bit":  # Parquet has no bits: DuckDB writes them as text
        assert read(path).column("strange").tolist() == ["101"]
        return
    with pytest.raises(DataError, match="'strange"):
        read(path)
    assert read(path, "select * exclude (strange) from data").names == ("y",)
