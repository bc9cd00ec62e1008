"""A table with a column of texts, one of labels, and perhaps one that says training or test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.image_set import Rejected
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.table import Column, Table
from fivefold.tasks.text.folder import Found

TEXTS = (
    "text",
    "texts",
    "document",
    "content",
    "body",
    "message",
    "review",
    "comment",
    "sentence",
    "description",
)
"""Names of columns that hold texts, matched without regard to case."""
LABELS = ("label", "labels", "class", "category", "target", "sentiment", "topic", "y")
SPLITS = ("split", "set", "subset", "partition", "fold", "usage")
_ROLES = {"train": 0, "training": 0, "test": 1, "testing": 1, "val": 2, "valid": 2, "validation": 2, "dev": 2}
_LEAST_WORDS = 3.0
_SAMPLE = 1000


def text_column(table: Table, without: str | None = None) -> str | None:
    """The column of texts: of those with at least 3 words in the mean, or named so, the one of most words.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> text_column(from_frame({"id": ["a", "b"], "said": ["it is not so", "well, it may be"]}))
    'said'
    """
    words = {}
    for name in table.names:
        column = table.column(name)
        if name == without or column.dtype.kind != "O":
            continue
        texts = [value for value in column[:_SAMPLE] if isinstance(value, str)]
        mean = sum(len(text.split()) for text in texts) / len(texts) if texts else 0.0
        if mean >= _LEAST_WORDS or (texts and name.lower() in TEXTS):
            words[name] = (name.lower() in TEXTS, mean)
    return max(words, key=lambda name: words[name], default=None)


def read_table(
    source: str | Path | Sequence[str | Path], target: str | None, column: str | None, *, labelled: bool
) -> Found:
    """Find the documents of a table.

    Args:
        source: CSV, TSV, JSON or Parquet, as :func:`fivefold.tasks.tables.read.read` takes it.
        target: The column of labels; ``None`` takes ``label``, ``class`` or the like, or the only other one.
        column: The column of texts; ``None`` finds it.
        labelled: Labels are wanted.

    Raises:
        DataError: No column of texts or of labels; a column that is not there.
        ArgumentError: One column for both.
    """
    table = read(source)
    if column is None:
        column = text_column(table, target)
        if column is None:
            raise DataError(
                "a column of texts",
                f"the columns {_names(table)}, none with 3 words a row",
                "name it with column=",
            )
    chosen = table.column(column)
    if chosen.dtype.kind != "O":
        raise DataError(
            "a column of texts", f"{column!r}, which holds numbers or dates", "name another column"
        )
    if column == target:
        raise ArgumentError("a target beside the texts", f"{target!r} for both")
    found = Found(notes=list(table.notes))
    labels: list[str | None] = [None] * table.rows
    split = _split_column(table, {column, target})
    if labelled:
        target = _target(table, target, {column, split})
        labels = _labels(table.column(target), target)
        found.notes.append(f"Texts are in the column {column!r}, labels in {target!r}.")
    else:
        found.notes.append(f"Texts are in the column {column!r}.")
    roles = _given(table, split, found.notes)
    for row, value in enumerate(chosen):
        name = f"row {row + 1}"
        if labelled and labels[row] is None:
            found.rejected.append(Rejected(name, "it has no label"))
        else:
            found.documents.append((name, "" if value is None else str(value), labels[row], roles[row]))
    return found


def _target(table: Table, target: str | None, taken: set[str | None]) -> str:
    if target is not None:
        table.column(target)  # names the nearest where it is not there
        return target
    others = [name for name in table.names if name not in taken]
    named = [name for name in others if name.lower() in LABELS]
    if len(named) == 1 or len(others) == 1:
        return named[0] if named else others[0]
    raise DataError("a column of labels", f"the columns {_names(table)}", "name it with target=")


def _labels(column: Column, name: str) -> list[str | None]:
    """Labels as texts; whole numbers without their point."""
    if column.dtype.kind == "M":
        raise DataError("a column of classes", f"{name!r}, which holds dates", "name another column")
    if column.dtype.kind == "f":
        known = column[~np.isnan(column)]
        if (known != np.rint(known)).any():
            raise DataError(
                "a column of classes", f"{name!r}, which holds fractions", "texts are put into classes"
            )
        return [None if np.isnan(value) else f"{value:.0f}" for value in column.tolist()]
    return [None if value is None or not str(value).strip() else str(value).strip() for value in column]


def _split_column(table: Table, taken: set[str | None]) -> str | None:
    for name in table.names:
        if name not in taken and name.lower() in SPLITS and table.column(name).dtype.kind == "O":
            words = {str(value).strip().lower() for value in table.column(name) if value is not None}
            if words <= set(_ROLES) and {0} < {_ROLES[word] for word in words}:
                return name
    return None


def _given(table: Table, split: str | None, notes: list[str]) -> list[int]:
    if split is None:
        return [-1] * table.rows
    words = [None if value is None else str(value).strip().lower() for value in table.column(split)]
    roles = [-1 if word is None else _ROLES[word] for word in words]
    spare = 0 if 1 in roles else 1
    if 2 in roles:
        notes.append(f"The validation texts are taken as {('training', 'test')[spare]} texts.")
    notes.append(f"The column {split!r} says which texts are for training and which for test.")
    return [spare if role == 2 else role for role in roles]


def _names(table: Table) -> str:
    return ", ".join(repr(name) for name in table.names[:8]) + (", ..." if len(table.names) > 8 else "")
