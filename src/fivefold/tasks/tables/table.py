"""A table in memory: named columns of equal length, as plain NumPy arrays."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArgumentError, DataError

Column = NDArray[Any]


def missing(column: Column) -> NDArray[np.bool_]:
    """Which entries of a physical column are missing.

    Args:
        column: float64 (nan is missing), datetime64 (NaT is missing) or object (None is missing), shape [n].

    Returns:
        Boolean array [n].

    >>> missing(np.array([1.0, np.nan])).tolist(), missing(np.array(["a", None], dtype=object)).tolist()
    ([False, True], [False, True])
    """
    if column.dtype.kind == "O":
        nothing: Any = None
        return np.asarray(np.equal(column, nothing), dtype=bool)
    if column.dtype.kind in "mM":
        return np.isnat(column)
    return np.isnan(column)


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length, as read.

    The physical columns are float64 (nan where missing), datetime64[us] (NaT where missing), or object
    arrays of ``str`` (None where missing) or of ``bool`` (None where missing).

    Args:
        columns: Name to array [rows], in the order of the table.
        source: Where the table came from, for messages and reports.
        notes: What the reader had to decide, one sentence each.

    Raises:
        DataError: Columns of unequal length.
        ArgumentError: A column that is not one of the physical kinds.

    >>> table = Table({"x": np.array([1.0, 2.0]), "c": np.array(["a", None], dtype=object)})
    >>> table.names, table.rows
    (('x', 'c'), 2)
    """

    columns: Mapping[str, Column]
    source: str = "memory"
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        lengths = {name: column.shape for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            first, *others = lengths.items()
            other = next(item for item in others if item[1] != first[1])
            raise DataError(
                "columns of one length",
                f"{first[0]!r} with shape {first[1]} and {other[0]!r} with shape {other[1]}",
            )
        for name, column in self.columns.items():
            physical = column.dtype == np.float64 or column.dtype.kind in "MO"
            if column.ndim != 1 or not physical:
                raise ArgumentError(
                    "columns of float64, datetime64 or object with one dimension",
                    f"{name!r} with dtype {column.dtype} and {column.ndim} dimensions",
                    "build the table with from_frame",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.columns)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def column(self, name: str) -> Column:
        """The named column, or a :class:`DataError` that names the nearest columns.

        >>> Table({"price": np.ones(1)}).column("prise")
        Traceback (most recent call last):
        fivefold.core.errors.DataError: expected a column named 'prise'; got 1 columns: 'price'; ...
        """
        if name in self.columns:
            return self.columns[name]
        near = difflib.get_close_matches(name, self.names, n=3)
        shown = ", ".join(repr(known) for known in self.names[:10]) + (", …" if len(self.names) > 10 else "")
        fix = (
            f"did you mean {' or '.join(map(repr, near))}?" if near else "names are matched letter by letter"
        )
        raise DataError(f"a column named {name!r}", f"{len(self.names)} columns: {shown}", fix)

    def take(self, rows: NDArray[Any] | slice) -> "Table":
        """The rows of an index array, a boolean mask [rows] or a slice.

        >>> Table({"x": np.array([1.0, 2.0, 3.0])}).take(np.array([2, 0])).column("x").tolist()
        [3.0, 1.0]
        """
        return replace(self, columns={name: column[rows] for name, column in self.columns.items()})

    def select(self, names: Iterable[str]) -> "Table":
        """These columns, in this order.

        >>> Table({"x": np.ones(1), "y": np.ones(1)}).select(["y"]).names
        ('y',)
        """
        return replace(self, columns={name: self.column(name) for name in names})

    def drop(self, names: Iterable[str]) -> "Table":
        """All but these columns; each must exist.

        >>> Table({"x": np.ones(1), "y": np.ones(1)}).drop(["y"]).names
        ('x',)
        """
        gone = set(names)
        for name in gone:
            self.column(name)
        return replace(self, columns={n: column for n, column in self.columns.items() if n not in gone})

    def noted(self, *notes: str) -> "Table":
        """The same table with notes added.

        >>> Table({"x": np.ones(1)}).noted("read as Latin-1").notes
        ('read as Latin-1',)
        """
        return replace(self, notes=(*self.notes, *notes))
