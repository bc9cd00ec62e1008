"""Rows by number are the same from every source; a file that changes is refused."""

import duckdb
import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.tables.numbered import ChangedError, MemoryRows, parquet
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.source import opened

ROWS = 3000
SELECT = (
    "select range * 0.25 as x, case when range % 7 = 0 then null else 'w' || (range % 5) end as c, "
    "case when range % 4 = 0 then null else range % 3 end as k, range::bigint as n, "
    f"date '2020-01-01' + range::int as d, range % 2 = 0 as b from range({ROWS})"
)


def same(left, right):
    assert left.names == right.names
    for name in left.names:
        np.testing.assert_array_equal(left.column(name), right.column(name), err_msg=name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("numbered")
    duckdb.execute(f"copy ({SELECT}) to '{place}/t.parquet' (format parquet, row_group_size 2048)")
    duckdb.execute(f"copy ({SELECT}) to '{place}/t.csv' (format csv)")
    for i, (low, high) in enumerate([(0, 500), (500, 2900), (2900, ROWS)]):
        duckdb.execute(
            f"copy (select * from ({SELECT}) where n >= {low} and n < {high}) "
            f"to '{place}/part{i}.parquet' (format parquet)"
        )
    return place


def sources(folder):
    """Every kind of source of the same rows."""
    yield opened(folder / "t.parquet", wanted=1000)
    yield opened([folder / f"part{i}.parquet" for i in range(3)], wanted=1000)
    yield opened(str(folder / "part?.parquet"), wanted=1000)
    yield opened(read(folder / "t.parquet"))
    yield opened(folder / "t.parquet", "select * from data", wanted=1000)


def test_rows_pages_and_values_are_the_same_from_every_source(folder):
    table = read(folder / "t.parquet")
    numbers = np.sort(np.random.default_rng(0).choice(ROWS, 400, replace=False))
    for source in sources(folder):
        with source as rows:
            assert rows.size.rows == ROWS
            assert (rows.size.numbers, rows.size.texts) in {
                (5, 1),
                (4, 2),
            }  # in memory a boolean is an object
            assert rows.names == table.names
            same(rows.whole(), table)
            same(rows.take(numbers), table.take(numbers))
            pages = list(rows.pages(700))
            assert np.array_equal(np.concatenate([n for n, _ in pages]), np.arange(ROWS))
            for found, page in pages:
                same(page, table.take(found))
            some = list(rows.pages(700, numbers))
            assert np.array_equal(np.concatenate([n for n, _ in some]), numbers)
            for found, page in some:
                same(page, table.take(found))
            first, counts = rows.values("k")  # 0, 1, 2 and the missing ones
            assert first.tolist() == [0, 1, 2, 3]
            assert counts.sum() == ROWS
            assert counts[0] == ROWS / 4
            gaps = rows.like("k", np.array([0]))
            assert np.array_equal(gaps, np.arange(0, ROWS, 4))
            words = rows.like("c", np.array([1, 2]))
            at = np.arange(ROWS)
            assert np.array_equal(words, np.flatnonzero(np.isin(at % 5, [1, 2]) & (at % 7 != 0)))


def test_csv_gives_the_rows_that_parquet_gives(folder):
    numbers = np.array([0, 7, 1500, ROWS - 1])
    with opened(folder / "t.csv", wanted=1000) as text, opened(folder / "t.parquet", wanted=1000) as rows:
        for name in ("x", "c", "n"):
            np.testing.assert_array_equal(text.take(numbers).column(name), rows.take(numbers).column(name))
        same(text.whole(), read(folder / "t.csv"))


def test_columns_that_one_file_lacks_are_missing_there(tmp_path):
    duckdb.execute(f"copy (select 1 as a, 2 as b) to '{tmp_path}/1.parquet' (format parquet)")
    duckdb.execute(f"copy (select 1.5 as a, 'x' as c) to '{tmp_path}/2.parquet' (format parquet)")
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    rows = parquet(files, "two files")
    same(rows.take(np.arange(2)), read(files))


def test_a_small_csv_and_all_rows_are_read_at_once(folder):
    for data, options in (
        (folder / "t.csv", {}),
        (folder / "t.parquet", {"wanted": "all"}),
        (folder / "t.parquet", {"query": "select * from data"}),
    ):
        with opened(data, **options) as rows:
            assert rows is None
    with opened(folder / "t.csv", limit=1000) as rows:
        assert rows.size.rows == ROWS


def test_a_reserved_name_of_a_column_is_read_another_way(tmp_path):
    path = tmp_path / "t.parquet"
    duckdb.execute(
        f"copy (select range as file_row_number, 1.5 as y from range(9)) to '{path}' (format parquet)"
    )
    assert parquet([path], "t") is None
    with opened(path, wanted=1000) as rows:
        assert rows.take(np.array([3, 4])).column("file_row_number").tolist() == [3.0, 4.0]


def test_an_odd_path_is_read_literally(tmp_path):
    path = tmp_path / "it's [1].parquet"
    duckdb.sql("select 1 as y").write_parquet(str(path))
    with opened(path) as rows:
        assert rows.take(np.array([0])).column("y").tolist() == [1.0]


def test_a_file_that_changes_between_passes_is_refused(folder, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes((folder / "t.parquet").read_bytes())
    with opened(path, wanted=1000) as rows:
        assert rows.size.rows == ROWS
        duckdb.execute(f"copy (select * from ({SELECT}) limit 2000) to '{path}' (format parquet)")
        for use in (
            lambda: rows.take(np.array([1])),
            lambda: list(rows.pages(500)),
            lambda: rows.values("k"),
        ):
            with pytest.raises(ChangedError, match="as it was counted"):
                use()
        path.unlink()
        with pytest.raises(ChangedError, match="as it was counted"):
            rows.take(np.array([1]))


def test_a_file_that_loses_rows_under_the_same_size_and_time_is_refused(folder, tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_bytes((folder / "t.parquet").read_bytes())
    with opened(path, wanted=1000) as rows:
        assert rows.size.rows == ROWS
        monkeypatch.setattr("fivefold.tasks.tables.numbered.check", lambda stamps: None)
        duckdb.execute(f"copy (select * from ({SELECT}) limit 2000) to '{path}' (format parquet)")
        with pytest.raises(ChangedError, match="another program"):
            rows.take(np.array([1, 2500]))
        with pytest.raises(ChangedError, match="another program"):
            list(rows.pages(1500))


def test_damage_is_an_error_about_data(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + b"\x00" * 100 + b"PAR1")
    with pytest.raises(DataError), opened(path):
        pass


def test_a_column_that_is_not_there_is_named(folder):
    table = read(folder / "t.parquet")
    with opened(folder / "t.parquet") as rows:
        for source in (rows, MemoryRows(table)):
            with pytest.raises(DataError, match="'z'"):
                source.values("z")
