"""What the checks see of a table: typed columns and a numeric target.

The tables' room is above this one, so its classes are described here by what the checks need of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
Floats = NDArray[np.float64]


class ColumnLike(Protocol):
    """The type of a column."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> str:
        """number, category, text, date, boolean or identifier."""
        ...

    @property
    def used(self) -> bool:
        """Whether a model sees it."""
        ...


class TableLike(Protocol):
    """Named columns."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """Name to physical array [rows]."""
        ...


class SchemaLike(Protocol):
    """The types of a table's columns."""

    @property
    def columns(self) -> Sequence[ColumnLike]:
        """All but the target."""
        ...

    @property
    def target(self) -> ColumnLike | None:
        """The target's."""
        ...

    def apply(self, table: Any, *, fitting: bool = False) -> TableLike:
        """The used columns in the form of their kinds."""
        ...

    def apply_target(self, table: Any) -> tuple[Column, list[str]]:
        """The target in the form of its kind."""
        ...


@dataclass(frozen=True, eq=False)
class View:
    """Typed columns, the raw identifiers and a numeric target, rows with an unknown target left out.

    Attributes:
        kinds: Column to kind, identifiers included, constants and empty columns left out.
        columns: Column to array [n]: float64, datetime64 or object of str or None; identifiers as read.
        target: The target's name.
        y: Its values [n]: numbers, or the codes of its classes.
        classes: The classes, or None for a number.
    """

    kinds: Mapping[str, str]
    columns: Mapping[str, Column]
    target: str
    y: Floats
    classes: tuple[str, ...] | None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    def numbers(self) -> dict[str, Floats]:
        """The number and boolean columns."""
        return {n: c for n, c in self.columns.items() if self.kinds[n] in {"number", "boolean"}}

    def codes(self, name: str) -> NDArray[np.int64]:
        """The column's distinct values as 0, 1, …; missing is -1."""
        return codes_of(self.columns[name])


def gaps(column: Column) -> NDArray[np.bool_]:
    """Which entries are missing: None, nan, NaT.

    >>> gaps(np.array([1.0, np.nan])).tolist()
    [False, True]
    """
    if column.dtype.kind == "O":
        nothing: Any = None
        return np.asarray(np.equal(column, nothing), dtype=bool)
    return np.isnat(column) if column.dtype.kind in "mM" else np.isnan(column)


def codes_of(column: Column) -> NDArray[np.int64]:
    """Distinct values as 0, 1, … in sorted order; missing is -1.

    >>> codes_of(np.array(["b", None, "a", "b"], dtype=object)).tolist()
    [1, -1, 0, 1]
    """
    out = np.full(len(column), -1, dtype=np.int64)
    known = ~gaps(column)
    if not known.any():
        return out
    if column.dtype.kind == "O":
        texts = [str(value) for value in column[known]]
        place = {text: i for i, text in enumerate(sorted(set(texts)))}
        out[known] = [place[text] for text in texts]
    else:
        out[known] = np.unique(column[known], return_inverse=True)[1].reshape(-1)
    return out


def view(table: TableLike, schema: SchemaLike, target: str) -> View:
    """Type the columns and make the target numeric.

    Args:
        table: The table as read.
        schema: Its types, with the target's.
        target: The target's name.
    """
    y, _ = schema.apply_target(table)
    classes: tuple[str, ...] | None = None
    known = ~gaps(y)
    kind = str(schema.target.kind) if schema.target is not None else "number"
    if y.dtype.kind == "O":
        classes = tuple(sorted({str(value) for value in y[known]}))
        values = codes_of(y).astype(np.float64)
    elif kind == "boolean":
        classes, values = ("false", "true"), y.astype(np.float64)
    else:
        values = (
            y.astype("datetime64[us]").astype(np.float64) if y.dtype.kind == "M" else y.astype(np.float64)
        )
    typed = dict(schema.apply(table).columns)
    kinds: dict[str, str] = {}
    columns: dict[str, Column] = {}
    for column in schema.columns:
        if column.name == target:
            continue
        if column.name in typed:
            kinds[column.name], columns[column.name] = str(column.kind), typed[column.name][known]
        elif str(column.kind) == "identifier":
            kinds[column.name], columns[column.name] = "identifier", table.columns[column.name][known]
    return View(kinds, columns, target, values[known], classes)
