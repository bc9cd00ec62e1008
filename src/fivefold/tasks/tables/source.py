"""Any source of rows to a table: a table, a path, or data in memory."""

from pathlib import Path
from typing import Any

from fivefold.tasks.tables.read import from_frame, read
from fivefold.tasks.tables.table import Table


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
