"""A table that lists pictures: a column of paths, one of labels, perhaps one for training and test."""

import os
from pathlib import Path
from typing import Any

from fivefold.core import DataError
from fivefold.tasks.folders import plain_name
from fivefold.tasks.images.endings import has_picture_ending
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.labelled_table import given_split, labels_of, names_of, split_column, target_column
from fivefold.tasks.tables.read import from_frame, read
from fivefold.tasks.tables.table import Column, Table

PATHS = (
    *("path", "paths", "file", "filename", "file_name", "filepath", "file_path"),
    *("image", "image_path", "img"),
)
"""Names of columns that hold paths, the likeliest first; matched without regard to case."""
_LONGEST = 500


def path_column(table: Table) -> str | None:
    """The column of paths to pictures: texts of which most end like a picture's name; ``None`` where none is.

    A column whose name says so comes first.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> path_column(from_frame({"id": [1.0, 2.0], "photo": ["a/1.jpg", "a/2.JPG"]}))
    'photo'
    """
    found = [name for name in table.names if _share_of_pictures(table.column(name)) > 0.5]
    rank = {name: place for place, name in enumerate(PATHS)}
    return min(found, key=lambda name: rank.get(name.lower(), len(rank)), default=None)


def read_path_table(source: Any, target: str | None, limits: Limits, *, labelled: bool) -> ImageSet:
    """Read the pictures that a table lists.

    Args:
        source: CSV, TSV, JSON or Parquet: its paths are relative to its folder, or absolute, and do not leave
            it. Or a data frame and the like, whose paths are its owner's: relative to the working folder, or
            absolute.
        target: The column of labels; ``None`` takes ``label``, ``class`` or so, or the only other column.
        limits: Bounds.
        labelled: Labels are wanted.

    Raises:
        DataError: No column of paths, no column of labels, or none of the pictures is there.
    """
    file = source if isinstance(source, Path) else None
    table = from_frame(source) if file is None else read(file)
    where = "memory" if file is None else file.name
    column = path_column(table)
    if column is None:
        raise DataError(
            "a column of paths to pictures",
            f"the columns {names_of(table)} in {where!r}",
            "add a column 'path'",
        )
    if table.rows > limits.files:
        raise DataError(f"at most {limits.files:,} pictures", f"{table.rows:,} rows", "raise the limit")
    split = split_column(table, {column, target}) if labelled else None
    notes: list[str] = []
    labels: list[str | None] = [None] * table.rows
    if labelled:
        name = target_column(table, target, {column, split}, where)
        found = labels_of(table.column(name), name, "pictures")
        labels = [None if label is None else plain_name(label) for label in found]
        notes.append(f"Paths are in the column {column!r}, labels in {name!r}.")
    given = given_split(table, split, notes, "pictures")
    root = None if file is None else file.parent.resolve()
    entries = []
    for row, value in enumerate(table.column(column)):
        text = f"row {row + 1}" if value is None else str(value)
        place, why = _within(root, value)
        if why is None and labelled and labels[row] is None:
            why = "it has no label"
        entries.append(Entry(plain_name(text)[:_LONGEST], place, labels[row], given[row], why))
    return from_files("memory" if file is None else plain_name(str(file)), entries, (), notes, limits)


def _within(root: Path | None, value: object) -> tuple[Path, str | None]:
    """The file that a cell names, below the root if there is one, and why it is not read where it is not."""
    confined, root = root is not None, root or Path()
    if value is None or not str(value).strip() or "\x00" in str(value):
        return root, "it names no file"
    text = str(value).strip().replace("\\", "/")
    if text[1:2] == ":":
        return root, "its path is one of another system: write it relative to the table's folder"
    named = root / text  # an absolute path stays itself
    try:
        real = named.resolve()
    except (OSError, RuntimeError, ValueError):
        return root, "it is a link in a circle or no path"
    if not confined or real.is_relative_to(root):
        return real, None
    if Path(os.path.normpath(named)).is_relative_to(root):
        return root, "it is a link that leaves the table's folder"
    return root, "its path leaves the table's folder, below which the pictures must lie"


def _share_of_pictures(column: Column) -> float:
    if column.dtype.kind != "O":
        return 0.0
    texts = [value for value in column[:1000] if isinstance(value, str)]
    return sum(has_picture_ending(text) for text in texts) / len(texts) if texts else 0.0
