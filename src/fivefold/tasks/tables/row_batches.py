"""Rows of Parquet files as batches of numbers, for least squares and principal components that stream."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fivefold.core import DataError, MissingExtraError, require

Batch = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def parquet_batches(
    files: str | Path | Sequence[str | Path],
    target: str,
    *,
    columns: Sequence[str] | None = None,
    rows: int = 100_000,
) -> Callable[[], Iterator[Batch]]:
    """Return a function that reads Parquet files from the start, as batches ``(X, y)``, at each call.

    A thread reads one batch ahead, so that reading and computing go on together; two or three batches are in
    memory at a time. Arrow reads, not DuckDB: it decodes by columns, as they are wanted here, in half the
    time.

    Args:
        files: One local file, or several, which are read in this order.
        target: The column y.
        columns: Those of X, in order; all but the target by default.
        rows: Most rows per batch, at least 1.

    Returns:
        A function for :func:`fivefold.linalg.lstsq_batches`. X is ``[m_i, n]`` (stored by columns, as the
        file is) and y ``[m_i]``, float32 where all columns of X are, float64 otherwise.

    Raises:
        ArgumentError: No file, or fewer than one row.
        DataError: A file that is not there, or a column that is not there or not numeric. A missing value or
            a damaged file is found while reading.
        MissingExtraError: Without Arrow.

    >>> from tempfile import TemporaryDirectory
    >>> import pyarrow, pyarrow.parquet
    >>> with TemporaryDirectory() as folder:
    ...     pyarrow.parquet.write_table(pyarrow.table({"a": [1.5], "y": [2.5]}), f"{folder}/t.parquet")
    ...     [(X.tolist(), y.tolist()) for X, y in parquet_batches(f"{folder}/t.parquet", "y")()]
    [([[1.5]], [2.5])]
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingExtraError.of("pyarrow", extra="tables") from None
    paths = [Path(files)] if isinstance(files, (str, Path)) else [Path(file) for file in files]
    require(bool(paths), "at least one file", "none")
    require(rows >= 1, "at least one row per batch", rows)
    for path in paths:
        if not path.is_file():
            raise DataError("a Parquet file", f"no file {path}", "check the path")
    try:
        kinds = {field.name: field.type for field in parquet.read_schema(paths[0])}
    except pyarrow.ArrowException as error:
        raise DataError("a Parquet file", f"{paths[0]}: {error}"[:300], "check the file") from None
    names = [name for name in kinds if name != target] if columns is None else list(columns)
    for name in (target, *names):
        if name not in kinds:
            raise DataError(f"a column {name!r}", f"the columns {', '.join(kinds)}"[:300], "check the name")
        if not _numeric(kinds[name]):
            raise DataError(
                f"numbers in the column {name!r}", str(kinds[name]), "leave it out or encode it first"
            )
    require(bool(names), "at least one column beside the target", "none")
    single = all(kinds[name] == pyarrow.float32() for name in names)
    dtype: type[np.floating[Any]] = np.float32 if single else np.float64
    return lambda: _ahead(lambda: _read(paths, target, names, rows, dtype))


def _numeric(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_floating, types.is_integer, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def _read(
    paths: Sequence[Path], target: str, names: Sequence[str], rows: int, dtype: type[np.floating[Any]]
) -> Iterator[Batch]:
    import pyarrow
    from pyarrow import parquet

    for path in paths:
        try:
            with parquet.ParquetFile(path) as file:
                wanted = list(dict.fromkeys((*names, target)))
                for found in file.iter_batches(rows, columns=wanted, use_threads=False):
                    X = np.empty((len(names), found.num_rows), dtype)  # by columns, as they come
                    for i, name in enumerate(names):
                        X[i] = _numbers(found, name, dtype)
                    yield X.T, _numbers(found, target, dtype)
        except pyarrow.ArrowException as error:
            raise DataError("a Parquet file that can be read", f"{path}: {error}"[:300]) from None


def _numbers(batch: Any, name: str, dtype: type[np.floating[Any]]) -> np.ndarray[Any, Any]:
    import pyarrow

    if batch.schema.get_field_index(name) < 0:
        raise DataError(f"a column {name!r} in every file", "a file without it", "check the files")
    column = batch.column(name)
    if column.null_count:
        raise DataError(
            f"a number in every row of {name!r}", f"{column.null_count} missing", "drop or impute them first"
        )
    if not _numeric(column.type):
        raise DataError(f"numbers in the column {name!r} of every file", str(column.type))
    if pyarrow.types.is_boolean(column.type):
        column = column.cast(pyarrow.int8())
    wide = pyarrow.from_numpy_dtype(np.dtype(dtype))
    return np.asarray(column.cast(wide, safe=False).to_numpy(zero_copy_only=False))


class _End:
    """Put after the last batch, with the error that ended the reading, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _ahead(start: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    """Yield the batches of an iterator that a thread of its own advances, one ahead."""
    line: queue.Queue[Batch | _End] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(item: Batch | _End) -> bool:
        while not stop.is_set():
            try:
                line.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for batch in start():
                if not put(batch):
                    return
        except BaseException as caught:  # handed to whoever reads
            error = caught
        put(_End(error))

    thread = threading.Thread(target=work, name="fivefold-batches", daemon=True)
    thread.start()
    try:
        while not isinstance(item := line.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()
