"""Data and target apart, ``fit(X, y)``, as scikit-learn takes them: joined to what the rooms read."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.as_numpy import as_numpy, is_array_like
from fivefold.tasks.images.memory import is_picture_array
from fivefold.tasks.tables.frames import from_frame, is_frame, physical
from fivefold.tasks.tables.table import Table
from fivefold.tasks.text.memory import is_array

if TYPE_CHECKING:
    from fivefold.tasks.images.image_set import ImageSet
    from fivefold.tasks.text.text_set import TextSet

TARGET = "target"
"""Name of a target that has none of its own."""


def joined(data: Any, target: Any) -> "tuple[Table | ImageSet | TextSet, str | None]":
    """Return data with its target in it, and the name of the target's column where it is a table.

    Args:
        data: N rows: an array [N, columns], a data frame, a dict of columns; or N pictures in an array of
            three or four dimensions; or N texts, or paths to pictures, in a list, a 1-D array or a series.
        target: N values or labels, in a list, a 1-D array, a series or a frame of one column.

    Raises:
        ArgumentError: A path beside values, or another number of them.
        DataError: A target that is a column of the data as well, or that cannot be read.

    >>> table, name = joined(np.eye(2), [1.5, 2.5])
    >>> table.names, name, table.column("target").tolist()
    (('x0', 'x1', 'target'), 'target', [1.5, 2.5])
    """
    if isinstance(data, str | Path):
        raise ArgumentError(
            "the name of a column as the target of a file or folder",
            f"a {type(target).__name__}",
            "give target=COLUMN; values beside data are for what is in memory",
        )
    name, values = _named(target)
    if is_picture_array(data):
        from fivefold.tasks.images.read import read_images

        return read_images(data, labels=values), None
    if _is_listed(data):
        return _of_list(data, values), None
    table = from_frame(as_numpy(data) if is_array_like(data) and not is_frame(data) else data)
    if name in table.names:
        raise DataError(
            "a target that is no column of the data",
            f"the column {name!r} in both",
            f"leave it out of the data, or give target={name!r}",
        )
    notes = list(table.notes)
    column = physical(name, values, notes)
    if len(column) != table.rows:
        raise ArgumentError(f"a target for each of {table.rows:,} rows", f"{len(column):,} values")
    return Table({**table.columns, name: column}, table.source, tuple(notes)), name


def _named(target: Any) -> tuple[str, Any]:
    """A target's name and values; a column [N, 1] is one of N."""
    if is_frame(target):
        table = from_frame(target)
        if len(table.names) != 1:
            raise ArgumentError("one target", f"{len(table.names)} columns", "give one of them")
        return table.names[0], table.column(table.names[0])
    name = getattr(target, "name", None)
    values = as_numpy(target) if is_array_like(target) else target
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    return (name if isinstance(name, str) and name else TARGET), values


def _is_listed(data: Any) -> bool:
    """Whether data are strings, each of them a row; a list is one by any string in it, for no table is."""
    if isinstance(data, list | tuple):
        return any(isinstance(each, str) for each in data)
    if not is_array(data):
        return False
    array = as_numpy(data)
    return array.ndim == 1 and (
        array.dtype.kind in "UT" or any(isinstance(each, str) for each in array.tolist())
    )


def _of_list(data: Any, labels: Any) -> "ImageSet | TextSet":
    """The pictures that paths name, or texts; their reader names what is no string."""
    from fivefold.tasks.images.path_table import path_column
    from fivefold.tasks.images.read import read_images
    from fivefold.tasks.text.read import read_texts

    strings = is_array(data) or all(isinstance(each, str) for each in data)
    if strings and path_column(from_frame({"path": data})) is not None:
        return read_images({"path": data, "label": labels}, target="label")
    return read_texts(data, labels=labels)
