"""Files of every format give one table; SQL sees the data and nothing else; nothing needs pandas or Arrow."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError, MissingExtraError
from fivefold.tasks.tables import read as reading
from fivefold.tasks.tables.read import expand, read, read_pages

HOUSES = "examples/house_prices.parquet"


def same(left, right):
    assert left.names == right.names
    for name in left.names:
        a, b = left.column(name), right.column(name)
        assert a.dtype.kind == b.dtype.kind, name
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """Numbers, texts and gaps, as Parquet."""
    path = tmp_path_factory.mktemp("formats") / "t.parquet"
    duckdb.execute(
        "copy (select range / 4.0 as x, case when range % 3 = 0 then null else 'w' || (range % 5) end as c, "
        f"range as n from range(300)) to '{path}' (format parquet)"
    )
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.csv", "format csv"),
        ("t.tsv", "format csv, delimiter '\t'"),
        ("semicolons.csv", "format csv, delimiter ';'"),
        ("bars.txt", "format csv, delimiter '|'"),
        ("t.csv.gz", "format csv, compression gzip"),
        ("t.csv.zst", "format csv, compression zstd"),
        ("t.json", "format json, array true"),
        ("t.ndjson", "format json"),
        ("t.ndjson.gz", "format json, compression gzip"),
        ("no_ending", "format csv"),
        ("quoted.csv", "format csv, force_quote (x, c, n)"),
        ("zstd.parquet", "format parquet, codec zstd"),
    ],
)
def test_every_format_gives_the_same_table(parquet, tmp_path, name, options):
    path = tmp_path / name
    duckdb.execute(f"copy (from '{parquet}') to '{path}' ({options})")
    same(read(path), read(parquet))


def test_compression_is_seen_in_the_bytes_not_in_the_name(parquet, tmp_path):
    duckdb.execute(f"copy (from '{parquet}') to '{tmp_path / 't.csv'}' (format csv)")
    (tmp_path / "plain.csv").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    same(read(tmp_path / "plain.csv"), read(parquet))


def test_real_prices_agree_between_parquet_and_csv(repository, tmp_path):
    path = repository / HOUSES
    duckdb.execute(f"copy (select * exclude (date, waterfront) from '{path}') to '{tmp_path / 'h.csv'}'")
    houses = read(path)
    assert houses.rows == 21_613
    assert houses.column("date").dtype == np.dtype("datetime64[us]")
    assert houses.column("waterfront")[0] is False
    same(read(tmp_path / "h.csv"), houses.drop(["date", "waterfront"]))


def test_json_of_mixed_cells_and_absent_keys(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps([{"a": 1, "b": "x"}, {"a": "7", "c": None}, {"b": 'q"'}]))
    table = read(tmp_path / "m.json")
    assert table.column("a").tolist() == ["1", "7", None]
    assert table.column("b").tolist() == ["x", None, 'q"']
    assert np.isnan(table.column("c")).all()


# --- several files ------------------------------------------------------------------------------------------


def test_files_are_joined_by_name(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("b;c\ny;3\n")
    want = {"a": [1.0, np.nan], "b": ["x", "y"], "c": [np.nan, 3.0]}
    for source in (str(tmp_path / "*.csv"), [tmp_path / "1.csv", tmp_path / "2.csv"]):
        table = read(source)
        assert table.names == ("a", "b", "c")
        for name, cells in want.items():
            np.testing.assert_array_equal(table.column(name), np.array(cells, dtype=table.column(name).dtype))
        assert any("2.csv has no column 'a'" in note for note in table.notes)


def test_a_path_that_exists_is_read_literally(tmp_path):
    (tmp_path / "[ab].csv").write_text("x\n1\n")
    (tmp_path / "a.csv").write_text("x\n2\n")
    assert read(tmp_path / "[ab].csv").column("x").tolist() == [1.0]
    assert [path.name for path in expand(str(tmp_path / "?.csv"))] == ["a.csv"]
    assert [path.name for path in expand(str(tmp_path / "*.csv"))] == ["[ab].csv", "a.csv"]
    assert read(str(tmp_path / "*.csv")).column("x").tolist() == [1.0, 2.0]


def test_parquet_files_with_partitions_in_their_path_gain_no_column(tmp_path, parquet):
    folder = tmp_path / "year=2020"
    folder.mkdir()
    (folder / "t.parquet").write_bytes(parquet.read_bytes())
    assert read(folder / "t.parquet").names == ("x", "c", "n")


@pytest.mark.parametrize("source", [[], "s3://bucket/x.csv", "http://host/x.csv", "a\x00b.csv", "none-*.csv"])
def test_what_names_no_local_file(source):
    with pytest.raises(DataError):
        read(source)


def test_two_formats_are_not_joined(tmp_path, parquet):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="one format"):
        read([tmp_path / "a.csv", parquet])


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="regular file"):
        read(tmp_path / "pipe")


def test_a_file_without_permission(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("x\n1\n")

    def refuse(*args, **kwargs):
        raise PermissionError("no")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="no permission"):
        read(tmp_path / "t.csv")


# --- SQL ----------------------------------------------------------------------------------------------------


def test_a_query_selects(parquet):
    table = read(
        parquet, "select c, count(*) n, avg(x) as m from data group by c order by c nulls last -- by c"
    )
    assert table.names == ("c", "n", "m")
    assert table.column("c").tolist() == ["w0", "w1", "w2", "w3", "w4", None]
    assert table.column("n").sum() == 300.0
    assert read(parquet, "from data limit 3").rows == 3


def test_a_query_over_csv_sees_numbers(tmp_path):
    (tmp_path / "t.csv").write_text('x,"odd ""name"""\n1,a\n3,b\n')
    assert read(tmp_path / "t.csv", 'select avg(x) m, max("odd ""name""") o from data').column(
        "m"
    ).tolist() == [2.0]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{secret}')",
        "select * from read_text('{secret}')",
        "select * from '{secret}'",
        "select * from glob('{folder}/*')",
        "select * from read_parquet('{folder}/*.parquet')",
        "select * from data, query_table('{secret}')",
        "select nothing from data",
        "select * from python_variable",
    ],
)
def test_a_query_cannot_read_files(parquet, tmp_path, query):
    python_variable = {"x": np.ones(1)}
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhush\n")
    with pytest.raises(DataError) as caught:
        read(parquet, query.format(secret=secret, folder=tmp_path))
    assert "hush" not in str(caught.value)
    assert python_variable


@pytest.mark.parametrize(
    "query",
    [
        "copy data to '{out}'",
        "select 1; copy data to '{out}'",
        "attach '{out}' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "export database '{out}'",
        "create table t as select 1",
        "pragma database_list",
        "",
    ],
)
def test_only_one_select_is_run(parquet, tmp_path, query):
    out = tmp_path / "out"
    with pytest.raises(ArgumentError, match="one SELECT"):
        read(parquet, query.format(out=out))
    assert not out.exists()


def test_a_query_that_is_no_sql(parquet):
    with pytest.raises(DataError, match="query that runs"):
        read(parquet, "selec x from data")


def test_a_query_without_rows(parquet):
    with pytest.raises(DataError, match="rows"):
        read(parquet, "select * from data where x < 0")


# --- what it needs ------------------------------------------------------------------------------------------


def test_reading_needs_neither_pandas_nor_arrow_nor_torch(tmp_path, repository):
    (tmp_path / "t.csv").write_text("x,c,d\n1,a,2020-01-01\n,b,2020-01-02\n")
    program = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"pandas", "pyarrow", "polars", "torch", "scipy", "sklearn"}}:
            raise ImportError("refused " + name)
sys.meta_path.insert(0, Refuse())
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.schema import Schema
table = read({str(tmp_path / "t.csv")!r})
houses = read({str(repository / HOUSES)!r}, "select * from data limit 100")
print(Schema.guess(houses, "price").apply(houses).rows, table.names)
"""
    source = str(repository / "src")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("100 ")


def test_without_duckdb_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r"fivefold\[tables\]"):
        read("x.csv")


def test_too_many_cells_are_refused_before_they_are_fetched(parquet, monkeypatch):
    from fivefold.tasks.tables import read as module
    from fivefold.tasks.tables import sqltypes

    monkeypatch.setattr(sqltypes, "MOST_CELLS", 100)
    with pytest.raises(DataError, match="at most 100 cells"):
        read(parquet, "select * from data")
    monkeypatch.setattr(module, "MOST_CELLS", 100)
    with pytest.raises(DataError, match="at most 100 cells"):
        read(parquet)


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    from fivefold.tasks.tables import read as module

    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x,y,z\n1,2,3\n")
    monkeypatch.setattr(module, "MOST_FILES", 1)
    with pytest.raises(DataError, match="at most 1 files"):
        read(str(tmp_path / "*.csv"))


@pytest.mark.parametrize(
    "options", ["t.csv (format csv)", "t.parquet (format parquet)", "t.json (format json)"]
)
@pytest.mark.parametrize("rows", [1, 7, 299, 300, 1000])
def test_pages_put_together_are_the_table(parquet, tmp_path, options, rows):
    name, _, form = options.partition(" ")
    path = tmp_path / name
    duckdb.execute(f"copy (from '{parquet}') to '{path}' {form}")
    pages, whole = list(read_pages(path, rows=rows)), read(path)
    assert [page.rows for page in pages] == [rows] * (300 // rows) + ([300 % rows] if 300 % rows else [])
    for page in pages:
        assert page.names == whole.names
        assert page.notes == whole.notes
    for column in whole.names:
        together = np.concatenate([page.column(column) for page in pages])
        assert together.dtype == whole.column(column).dtype
        np.testing.assert_array_equal(together, whole.column(column))


def test_a_column_is_decided_over_all_pages(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1\n" * 50 + "word\n")
    assert next(page.column("x").tolist() for page in read_pages(path, rows=25))[:2] == ["1", "1"]


def test_pages_of_a_query_and_of_several_files(parquet, tmp_path):
    query = "select c, sum(x) as s from data group by c order by s"
    same(next(iter(read_pages(parquet, query=query))), read(parquet, query=query))
    for name in ("a.csv", "b.csv"):
        duckdb.execute(f"copy (from '{parquet}') to '{tmp_path / name}' (format csv)")
    pages = list(read_pages([tmp_path / "a.csv", tmp_path / "b.csv"], rows=250))
    assert np.concatenate([page.column("n") for page in pages]).tolist() == [*range(300), *range(300)]


def test_pages_are_not_limited_in_cells_and_leave_no_file(parquet, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_CELLS", 10)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pages = read_pages(parquet, rows=100)
    next(pages)
    assert list(tmp_path.iterdir())
    pages.close()
    assert not list(tmp_path.iterdir())


def test_pages_of_no_rows_and_of_a_full_disk(parquet, monkeypatch):
    with pytest.raises(ArgumentError, match="at least 1 row of a page"):
        next(read_pages(parquet, rows=0))
    monkeypatch.setattr(reading, "pages", _full_disk)
    with pytest.raises(DataError, match=r"in a temporary file.*set TMPDIR"):
        next(read_pages(parquet))


def _full_disk(*_):
    raise duckdb.IOException("Could not write file: No space left on device")
