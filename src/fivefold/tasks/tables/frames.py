"""Tables from what is already in memory: data frames, columns, records, arrays.

No data frame library is imported: a frame is whatever has ``columns`` and gives each by name as something
that NumPy can read (pandas and Polars do; an Arrow table has ``column_names`` instead).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.as_numpy import as_numpy
from fivefold.tasks.tables.figures import LARGEST_WHOLE
from fivefold.tasks.tables.table import Column, Table


@runtime_checkable
class Frame(Protocol):
    """A data frame as pandas and Polars have it."""

    @property
    def columns(self) -> Iterable[Any]:
        """The column names."""
        ...

    def __getitem__(self, name: Any, /) -> Any:
        """The named column."""
        ...


@runtime_checkable
class ArrowTable(Protocol):
    """A table as Arrow has it."""

    @property
    def column_names(self) -> Iterable[str]:
        """The column names."""
        ...

    def __getitem__(self, name: Any, /) -> Any:
        """The named column."""
        ...


def from_frame(data: Any) -> Table:
    """Make a table of a data frame, a mapping of columns, a list of records or a 2-D array.

    Args:
        data: A pandas or Polars DataFrame, an Arrow table; name to 1-D array or list; a list of dicts, whose
            absent keys are missing; a structured array; or an array [rows, columns], named ``x0``, ``x1``, ….

    Returns:
        The table; whole numbers beyond 2^53 are kept as text, durations are read as seconds.

    Raises:
        DataError: Columns of unequal length, twice the same name, no rows, or cells that are no cells (lists,
            bytes, complex numbers), with the column's name.
        ArgumentError: An object of another kind.

    >>> from_frame({"x": [1, 2, None], "c": ["a", None, "b"]}).column("x").tolist()
    [1.0, 2.0, nan]
    """
    notes: list[str] = []
    parts = list(_parts(data))
    columns: dict[str, Column] = {}
    for name, values in parts:
        if name in columns:
            raise DataError("columns with names of their own", f"two named {name!r}", "rename one")
        columns[name] = physical(name, values, notes)
    table = Table(columns, "memory", tuple(notes))
    if not table.rows:
        raise DataError("a table with rows", f"{len(columns)} columns and no row")
    return table


def is_frame(data: object) -> bool:
    """Whether something in memory has columns with names, as :func:`from_frame` takes it.

    >>> is_frame({"x": [1]}), is_frame([{"x": 1}]), is_frame([1]), is_frame("x.csv")
    (True, True, False, False)
    """
    return _columns(data) is not None


def column_names(data: Any) -> list[str]:
    """Return the names of the columns that :func:`from_frame` would make; the columns are not read.

    >>> column_names([{"x": 1}, {"y": 2}])
    ['x', 'y']
    """
    return [name for name, _ in _parts(data)]


def _parts(data: Any) -> Iterable[tuple[str, Any]]:
    """Name and values of each column."""
    found = _columns(data)
    if found is not None:
        return found
    if isinstance(data, np.ndarray):
        if data.ndim != 2:
            raise ArgumentError("an array [rows, columns]", f"an array of shape {data.shape}", "reshape it")
        return ((f"x{i}", data[:, i]) for i in range(data.shape[1]))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and not data:
        raise DataError("a table with rows", "an empty list")
    raise ArgumentError(
        "a data frame, a mapping of columns, a list of records or a 2-D array", f"a {type(data).__name__}"
    )


def _columns(data: Any) -> Iterable[tuple[str, Any]] | None:
    """Name and values of each column of what names its columns, found one by one; else ``None``."""
    if isinstance(data, np.ndarray):
        names = data.dtype.names
        return None if names is None else ((name, data[name]) for name in names)
    if isinstance(data, Table | Mapping):
        columns = data.columns if isinstance(data, Table) else data
        return ((str(name), values) for name, values in columns.items())
    if isinstance(data, Frame):
        return _of_frame(data)
    if isinstance(data, ArrowTable):
        return ((str(name), data[name]) for name in data.column_names)
    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        return _of_records(data)
    return None


def _of_records(rows: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[str, Any]]:
    for key in dict.fromkeys(key for row in rows for key in row):
        yield str(key), [row.get(key) for row in rows]


def _of_frame(frame: Frame) -> Iterator[tuple[str, Any]]:
    names = list(frame.columns)
    if len(set(names)) < len(names):
        repeated = sorted({str(name) for name in names if names.count(name) > 1})
        raise DataError("columns with names of their own", f"several named {repeated[0]!r}", "rename them")
    for name in names:
        yield str(name), frame[name]


def physical(name: str, values: Any, notes: list[str]) -> Column:
    """One column in its physical form.

    Args:
        name: The column, for messages.
        values: A list, array or series of n values.
        notes: Gets a sentence for each decision.

    Returns:
        float64, datetime64[us] or object array [n] (see :class:`Table`).

    Raises:
        DataError: Cells that are no cells, or more than one dimension.
    """
    array = _as_array(name, values)
    gaps = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    array = np.asarray(np.ma.getdata(array))
    kind = array.dtype.kind
    if kind == "b":
        out = array.astype(object)
    elif kind in "iu" and array.size and max(abs(int(array.min())), abs(int(array.max()))) > LARGEST_WHOLE:
        notes.append(f"column {name!r} holds whole numbers beyond 2^53: kept as text")
        out = array.astype(str).astype(object)
    elif kind in "iuf":
        out = array.astype(np.float64)
    elif kind == "M":
        out = array.astype("datetime64[us]")
    elif kind == "m":
        notes.append(f"column {name!r}: read as seconds")
        out = np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "s"))
    elif kind in "UT":
        out = array.astype(object)
    elif kind == "O":
        out = _objects(name, array, notes)
    else:
        raise _no_cells(name, f"{array.dtype} values")
    if gaps is not None and gaps.any():
        empty: Any = (
            None if out.dtype == object else np.datetime64("NaT", "us") if out.dtype.kind == "M" else np.nan
        )
        out = out.copy()
        out[gaps] = empty
    return out


def _as_array(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, list | tuple):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    array = as_numpy(values)
    if array.ndim != 1:
        raise DataError(f"one value in each cell of column {name!r}", f"an array of shape {array.shape}")
    return array


def _no_cells(name: str, what: str) -> DataError:
    return DataError(
        "cells of numbers, texts, dates or booleans", f"{what} in column {name!r}", "leave it out"
    )


def _is_missing(value: Any) -> bool:
    """None, nan, NaT and pandas' NA, whose comparisons are neither true nor false."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float | np.floating | np.datetime64 | Decimal) and bool(value != value)  # noqa: PLR0124


def _objects(name: str, array: NDArray[Any], notes: list[str]) -> Column:
    """Cells of Python objects: the kinds that occur decide."""
    gaps = np.fromiter((_is_missing(value) for value in array), dtype=bool, count=len(array))
    known = array[~gaps].tolist()
    kinds = {_kind_of(name, value) for value in known}
    if kinds <= {"number"} and not any(isinstance(v, int) and abs(v) > LARGEST_WHOLE for v in known):
        return _filled(gaps, np.array([float(value) for value in known]), np.full(len(array), np.nan))
    if kinds == {"date"}:
        dates = np.array([_utc(value) for value in known], dtype="datetime64[us]")
        return _filled(gaps, dates, np.full(len(array), "NaT", dtype="datetime64[us]"))
    empty: NDArray[Any] = np.full(len(array), None, dtype=object)
    cells: NDArray[Any] = np.empty(len(known), dtype=object)
    if kinds == {"boolean"}:
        cells[:] = [bool(value) for value in known]
        return _filled(gaps, cells, empty)
    if len(kinds) > 1:
        notes.append(f"column {name!r} mixes {' and '.join(sorted(kinds))} values: read as text")
    elif kinds == {"number"}:
        notes.append(f"column {name!r} holds whole numbers beyond 2^53: kept as text")
    cells[:] = [str(value) for value in known]
    return _filled(gaps, cells, empty)


def _filled(gaps: NDArray[np.bool_], cells: NDArray[Any], empty: NDArray[Any]) -> Column:
    empty[~gaps] = cells
    return empty


def _kind_of(name: str, value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, int | float | Decimal | np.integer | np.floating):
        return "number"
    if isinstance(value, date | np.datetime64):
        return "date"
    raise _no_cells(name, f"a {type(value).__name__}")


def _utc(value: Any) -> np.datetime64:
    """Without its zone, in UTC; a pandas Timestamp loses its nanoseconds."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        parts = (
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
        )
        return np.datetime64(datetime(*parts), "us")
    return np.datetime64(value, "us")
