"""Parquet files as batches of numbers."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError, MissingExtraError
from fivefold.linalg import lstsq_batches
from fivefold.tasks.tables.row_batches import parquet_batches


def written(path: Path, sql: str) -> Path:
    duckdb.sql(sql).write_parquet(str(path))
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    columns = 'i::float as a, (i * i % 7)::float as "b ""q""", (2 * i + 1)::float as y'
    sql = f"select {columns} from range({{}}, {{}}) t(i)"
    return [
        written(tmp_path / "1.parquet", sql.format(0, 250)),
        written(tmp_path / "2.parquet", sql.format(250, 300)),
    ]


def test_batches_come_in_order_and_again(files: list[Path]) -> None:
    read = parquet_batches(files, "y", rows=100)
    for _ in range(2):
        batches = list(read())
        assert [len(y) for _, y in batches] == [100, 100, 50, 50]
        X = np.concatenate([X for X, _ in batches])
        assert X.dtype == np.float32
        assert X[:, 0].tolist() == list(range(300))
        assert X[:, 1].tolist() == [i * i % 7 for i in range(300)]
        assert np.concatenate([y for _, y in batches]).tolist() == [2 * i + 1 for i in range(300)]
    only = next(iter(parquet_batches(files[0], "y", columns=['b "q"'])()))
    assert only[0].shape == (250, 1)


def test_least_squares_from_files(files: list[Path]) -> None:
    fit = lstsq_batches(parquet_batches(files, "y", rows=64), intercept=True)
    assert fit.x.tolist() == pytest.approx([2.0, 0.0], abs=1e-6)
    assert fit.intercept == pytest.approx(1.0, abs=1e-5)
    assert fit.rows == 300


def test_whoever_stops_early_leaves_no_thread(files: list[Path]) -> None:
    import threading

    batches = parquet_batches(files, "y", rows=10)()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "fivefold-batches"]


def test_whole_numbers_become_float64(tmp_path: Path) -> None:
    path = written(tmp_path / "i.parquet", "select i as a, true as c, i as y from range(3) t(i)")
    X, y = next(iter(parquet_batches(path, "y")()))
    assert X.dtype == y.dtype == np.float64
    assert X.tolist() == [[0, 1], [1, 1], [2, 1]]


def test_missing_values_are_found_while_reading(tmp_path: Path) -> None:
    path = written(
        tmp_path / "m.parquet", "select case when i > 1 then i end as a, i as y from range(5) t(i)"
    )
    with pytest.raises(DataError, match="2 missing"):
        list(parquet_batches(path, "y")())


def call(tmp_path: Path, *arguments: Any, **options: Any) -> None:
    path = written(tmp_path / "t.parquet", "select 1.5 as a, 'x' as s, 2.5 as y")
    parquet_batches(path, *arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("nothing",), {}, DataError, "a column 'nothing'"),
        (("y",), {}, DataError, "numbers in the column 's'"),
        (("y",), {"columns": ["b"]}, DataError, "a column 'b'"),
        (("y",), {"columns": []}, ArgumentError, "at least one column"),
        (("y",), {"rows": 0}, ArgumentError, "at least one row"),
    ],
)
def test_bad_arguments(
    tmp_path: Path, arguments: tuple[str], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(tmp_path, *arguments, **options)


def test_no_file_no_files_no_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no file"):
        parquet_batches(tmp_path / "none.parquet", "y")
    with pytest.raises(ArgumentError, match="at least one file"):
        parquet_batches([], "y")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="tables"):
        parquet_batches(tmp_path / "none.parquet", "y")


def test_a_damaged_file_a_file_without_the_column_and_other_types(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing of the kind PAR1")
    with pytest.raises(DataError, match="a Parquet file"):
        parquet_batches(broken, "y")
    good = written(tmp_path / "good.parquet", "select 1.5::float as a, 2.5::float as y from range(9)")
    with pytest.raises(DataError, match="can be read"):
        list(parquet_batches([good, broken], "y")())
    with pytest.raises(DataError, match="'a' in every file"):
        list(parquet_batches([good, written(tmp_path / "less.parquet", "select 1.0 as y")], "y")())
    text = written(tmp_path / "text.parquet", "select 'x' as a, 2.5 as y")
    with pytest.raises(DataError, match="'a' of every file"):
        list(parquet_batches([good, text], "y")())
    exact = written(tmp_path / "decimal.parquet", "select 1.25::decimal(9, 2) as a, 3::utinyint as y")
    assert [(X.tolist(), y.tolist()) for X, y in parquet_batches(exact, "y")()] == [([[1.25]], [3.0])]
