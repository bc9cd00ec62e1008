"""A table that lists things with their classes: which column holds labels, which one training and test."""

import numpy as np

from fivefold.core import DataError
from fivefold.tasks.folders import ROLES, some
from fivefold.tasks.tables.table import Column, Table

LABELS = ("label", "labels", "class", "classes", "category", "target", "sentiment", "topic", "y")
"""Names of columns that hold labels, matched without regard to case."""
SPLITS = ("split", "set", "subset", "partition", "fold", "usage")
"""Names of columns that say training or test."""


def target_column(table: Table, target: str | None, taken: set[str | None], where: str) -> str:
    """Return the column of labels: the one named, the one whose name says so, or the only other one.

    Args:
        table: The table.
        target: Its name, where it is known.
        taken: Columns with another meaning.
        where: The file, for messages.

    Raises:
        DataError: No such column, or several that it could be.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> target_column(from_frame({"path": ["a"], "Topic": ["b"], "n": [1.0]}), None, {"path"}, "x.csv")
    'Topic'
    """
    if target is not None:
        table.column(target)  # names the nearest where it is not there
        return target
    others = [name for name in table.names if name not in taken]
    named = [name for name in others if name.lower() in LABELS]
    if len(named) == 1 or len(others) == 1:
        return named[0] if named else others[0]
    raise DataError(
        "a column of labels", f"the columns {names_of(table)} in {where!r}", "name it with --target"
    )


def labels_of(column: Column, name: str, things: str) -> list[str | None]:
    """Return labels as texts, whole numbers without their point; ``None`` where there is none.

    Args:
        column: The column.
        name: Its name, for messages.
        things: What is labelled, in the plural.

    Raises:
        DataError: Dates, fractions or infinity.

    >>> labels_of(np.array([1.0, np.nan, -0.0]), "y", "texts")
    ['1', None, '0']
    """
    if column.dtype.kind == "M":
        raise DataError("a column of classes", f"{name!r}, which holds dates", "name another column")
    if column.dtype.kind == "f":
        known = column[~np.isnan(column)]
        if np.isinf(known).any():
            raise DataError("a column of classes", f"{name!r}, which holds infinity", "leave those rows out")
        if (known != np.rint(known)).any():
            raise DataError(
                "a column of classes", f"{name!r}, which holds fractions", f"{things} are put into classes"
            )
        return [None if np.isnan(value) else f"{value + 0.0:.0f}" for value in column.tolist()]
    return [None if value is None or not str(value).strip() else str(value).strip() for value in column]


def says_split(table: Table, name: str) -> bool:
    """Whether a column has the name of one that says training or test, and a word for one of them in a row.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> table = from_frame({"set": ["city", "castle"], "usage": ["train", "train"]})
    >>> says_split(table, "set"), says_split(table, "usage")
    (False, True)
    """
    if name.lower() not in SPLITS or table.column(name).dtype.kind != "O":
        return False
    return any(str(value).strip().lower() in ROLES for value in table.column(name) if value is not None)


def split_column(table: Table, taken: set[str | None]) -> str | None:
    """Return the column that says training and test of every row, or ``None``.

    Raises:
        DataError: One of that name says training or test of some rows and something else of others.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> split_column(from_frame({"set": ["train", "test"], "fold": ["a", "b"]}), set())
    'set'
    """
    for name in table.names:
        if name not in taken and name.lower() in SPLITS and table.column(name).dtype.kind == "O":
            words = {str(value).strip().lower() for value in table.column(name) if value is not None} - {""}
            others, roles = words - set(ROLES), {ROLES[word] for word in words if word in ROLES}
            if others and (len(roles) > 1 or (len(others) == 1 and 0 in roles)):
                raise DataError(
                    f"{', '.join(repr(role) for role in ROLES)} in the column {name!r}",
                    some(sorted(others)),
                    "write one of them, or rename the column where it says something else",
                )
            if not others and {0} < roles:
                return name
    return None


def given_split(table: Table, split: str | None, notes: list[str], things: str) -> list[int]:
    """Return 0 for training, 1 for test, -1 where nothing is said; validation joins training beside a test.

    Args:
        table: The table.
        split: From :func:`split_column`.
        notes: What a user should know is added here.
        things: What the rows are, in the plural.
    """
    if split is None:
        return [-1] * table.rows
    words = [None if value is None else str(value).strip().lower() for value in table.column(split)]
    roles = [ROLES[word] if word else -1 for word in words]
    spare = 0 if 1 in roles else 1
    if 2 in roles:
        notes.append(f"The validation {things} are taken as {('training', 'test')[spare]} {things}.")
    empty = f" (for {roles.count(-1):,} it says nothing: they train)" if -1 in roles else ""
    notes.append(f"The column {split!r} says which {things} are for training and which for test{empty}.")
    return [spare if role == 2 else role for role in roles]


def names_of(table: Table) -> str:
    """Return the first names of columns, for messages.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> names_of(from_frame({"a": [1.0], "b": [2.0]}))
    "'a', 'b'"
    """
    return ", ".join(repr(name) for name in table.names[:8]) + (", ..." if len(table.names) > 8 else "")
