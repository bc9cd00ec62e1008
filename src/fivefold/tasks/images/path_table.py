"""A table that lists pictures: a column of paths, one of labels, perhaps one for training and test."""

from pathlib import Path

import numpy as np

from fivefold.core import DataError
from fivefold.tasks.images.decode import ENDINGS, plain_name
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.table import Column, Table

PATHS = (
    *("path", "paths", "file", "filename", "file_name", "filepath", "file_path"),
    *("image", "image_path", "img"),
)
"""Names of columns that hold paths, the likeliest first; matched without regard to case."""
LABELS = ("label", "labels", "class", "classes", "category", "target", "y")
SPLITS = ("split", "set", "subset", "partition", "fold", "usage")
_LONGEST = 500
_WORDS = {"train": 0, "training": 0, "test": 1, "testing": 1, "val": 2, "valid": 2, "validation": 2, "dev": 2}


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


def read_path_table(path: Path, target: str | None, limits: Limits, *, labelled: bool) -> ImageSet:
    """Read the pictures that a table lists; paths are relative to the table's folder and do not leave it.

    Args:
        path: CSV, TSV, JSON or Parquet.
        target: The column of labels; ``None`` takes ``label``, ``class`` or so, or the only other column.
        limits: Bounds.
        labelled: Labels are wanted.

    Raises:
        DataError: No column of paths, no column of labels, or none of the pictures is there.
    """
    table = read(path)
    column = path_column(table)
    if column is None:
        raise DataError(
            "a column of paths to pictures",
            f"the columns {_names(table)} in {path.name!r}",
            "add a column 'path'",
        )
    if table.rows > limits.files:
        raise DataError(f"at most {limits.files:,} pictures", f"{table.rows:,} rows", "raise the limit")
    split = _split_column(table, column)
    notes: list[str] = []
    labels: list[str | None] = [None] * table.rows
    if labelled:
        name = _target(table, target, {column, split}, path.name)
        labels = _texts(table.column(name), name)
        notes.append(f"Paths are in the column {column!r}, labels in {name!r}.")
    given = _given(table, split, notes)
    root = path.parent.resolve()
    entries = []
    for row, value in enumerate(table.column(column)):
        text = f"row {row + 1}" if value is None else str(value)
        place, why = _within(root, value)
        if why is None and labelled and labels[row] is None:
            why = "it has no label"
        entries.append(Entry(plain_name(text)[:_LONGEST], place, labels[row], given[row], why))
    return from_files(plain_name(str(path)), entries, (), notes, limits)


def _within(root: Path, value: object) -> tuple[Path, str | None]:
    """The file that a cell names, and why it is not read where it is not."""
    if value is None or not str(value).strip() or "\x00" in str(value):
        return root, "it names no file"
    text = str(value).strip().replace("\\", "/")
    relative = Path(text)
    if relative.is_absolute() or ".." in relative.parts or text[1:2] == ":":
        return root, "its path leaves the table's folder"
    try:
        real = (root / relative).resolve()
    except (OSError, RuntimeError, ValueError):
        return root, "it is a link in a circle or no path"
    if not real.is_relative_to(root):
        return root, "it is a link that leaves the table's folder"
    return real, None


def _share_of_pictures(column: Column) -> float:
    if column.dtype.kind != "O":
        return 0.0
    texts = [value for value in column[:1000] if isinstance(value, str)]
    return sum(text.strip().lower().endswith(ENDINGS) for text in texts) / len(texts) if texts else 0.0


def _target(table: Table, target: str | None, taken: set[str | None], where: str) -> str:
    if target is not None:
        table.column(target)  # names the nearest where it is not there
        return target
    others = [name for name in table.names if name not in taken]
    named = [name for name in others if name.lower() in LABELS]
    if len(named) == 1 or len(others) == 1:
        return named[0] if named else others[0]
    raise DataError(
        "a column of labels", f"the columns {_names(table)} in {where!r}", "name it with --target"
    )


def _texts(column: Column, name: str) -> list[str | None]:
    """Labels as texts; whole numbers without their point."""
    if column.dtype.kind == "M":
        raise DataError("a column of classes", f"{name!r}, which holds dates", "name another column")
    if column.dtype.kind == "f":
        known = column[~np.isnan(column)]
        if (known != np.rint(known)).any():
            raise DataError(
                "a column of classes", f"{name!r}, which holds fractions", "pictures are put into classes"
            )
        return [None if np.isnan(value) else f"{value:.0f}" for value in column.tolist()]
    return [None if value is None or not str(value).strip() else plain_name(str(value)) for value in column]


def _split_column(table: Table, column: str) -> str | None:
    for name in table.names:
        if name != column and name.lower() in SPLITS and table.column(name).dtype.kind == "O":
            words = {str(value).strip().lower() for value in table.column(name) if value is not None}
            if words and words <= set(_WORDS) and any(_WORDS[word] == 0 for word in words):
                return name
    return None


def _given(table: Table, split: str | None, notes: list[str]) -> list[int]:
    if split is None:
        return [-1] * table.rows
    words = [None if value is None else str(value).strip().lower() for value in table.column(split)]
    roles = [-1 if word is None else _WORDS[word] for word in words]
    if set(roles) <= {-1, 0}:
        return [-1] * table.rows
    spare = 0 if 1 in roles else 1
    if 2 in roles:
        notes.append(f"The validation pictures are taken as {('training', 'test')[spare]} pictures.")
    notes.append(f"The column {split!r} says which pictures are for training and which for test.")
    return [spare if role == 2 else role for role in roles]


def _names(table: Table) -> str:
    return ", ".join(repr(name) for name in table.names[:8]) + (", ..." if len(table.names) > 8 else "")
