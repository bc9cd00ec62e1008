"""Any source of rows: a table, a path, or data in memory, to be read whole or by the numbers of its rows."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fivefold.core import DataError
from fivefold.tasks.tables.csvtext import compression_of, inspect_csv, open_bytes
from fivefold.tasks.tables.numbered import MemoryRows, NumberedRows, laid, parquet
from fivefold.tasks.tables.read import describe, expand, from_frame, kind_of, loaded, read
from fivefold.tasks.tables.sampling import WORKING_BYTES, Size
from fivefold.tasks.tables.table import Table

_MOST_PARTS = 1000
_LEAST_OF_CELL = 6
"""Bytes of a cell with its name in JSON: ``"a":1,``."""
_PACKED = 20


def as_table(data: Any, query: str | None = None) -> Table:
    """Return the rows of a path (or several), a data frame, a dict of columns, an array or a table.

    Args:
        data: The source.
        query: SQL over the view ``data``, for paths alone.

    Raises:
        DataError: The source cannot be read.

    >>> as_table({"x": [1.0, 2.0]}).rows
    2
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | Path):
        return read(data, query=query)
    if isinstance(data, list) and data and all(isinstance(item, str | Path) for item in data):
        return read(data, query=query)
    return from_frame(data)


@contextmanager
def opened(
    data: Any, query: str | None = None, wanted: int | str | None = None, limit: int = WORKING_BYTES
) -> Iterator[NumberedRows | None]:
    """Yield the rows of any source by their numbers; ``None`` where it is to be read whole at once.

    Args:
        data: A path, several, a data frame, a dict of columns, an array or a table.
        query: SQL over the view ``data``, for paths.
        wanted: How many rows are wanted, as :func:`~fivefold.tasks.tables.sampling.parse_rows` says it.
        limit: Bytes of working copies that a table may need without its rows being counted.

    Raises:
        DataError: As :func:`~fivefold.tasks.tables.read.read`.
    """
    if wanted == "all":
        yield None
        return
    is_path = isinstance(data, str | Path)
    if not is_path and not (isinstance(data, list) and data and all(isinstance(d, str | Path) for d in data)):
        yield MemoryRows(as_table(data))
        return
    paths = expand(data)
    kinds = {kind_of(path) for path in paths}
    if len(kinds) > 1:
        yield None
        return
    kind = kinds.pop()
    found = None
    if kind == "parquet" and query is None and len(paths) <= _MOST_PARTS:
        found = parquet(paths, describe(paths))
    if found is not None:
        yield found
    elif wanted is None and _most_bytes(paths, kind) <= limit:
        yield None
    else:
        with loaded(data, query, paged=True) as (con, relation, labels, where, notes):
            yield laid(con, relation, labels, where, notes)


def _most_bytes(paths: Sequence[Path], kind: str) -> float:
    """A bound on the bytes of the working copies, before anything is parsed; 0 where reading will fail."""
    total = 0.0
    for path in paths:
        packing = compression_of(path)
        if kind != "csv" or packing == "zstd":
            cells = path.stat().st_size / _LEAST_OF_CELL * (1 if packing == "none" else _PACKED)
            total += cells * Size(1, 0, 1).per_row
            continue
        try:
            columns = len(inspect_csv(path).names)
            with open_bytes(path) as file:
                lines = 1 + sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
        except (DataError, OSError, EOFError, zlib.error):
            return 0.0
        total += Size(lines, 0, columns).working
    return total
