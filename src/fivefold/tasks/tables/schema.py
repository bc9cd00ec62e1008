"""The schema of a table: the kind of every column, guessed, shown, overridden, saved and applied again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks.tables.convert import LARGEST, convert
from fivefold.tasks.tables.guess import guess_column, levels_of
from fivefold.tasks.tables.kinds import ColumnType, Kind, Physical
from fivefold.tasks.tables.ordering import level_order, order_as_texts
from fivefold.tasks.tables.table import Column, Table, missing

__all__ = ["ColumnType", "Kind", "Physical", "Schema"]

VERSION = 1


@dataclass(frozen=True)
class Schema:
    """The kinds of a table's columns.

    Attributes:
        columns: The types of all columns but the target, in the table's order, dropped ones included
            (``used`` is False there).
        target: The type of the column to predict, or None.
    """

    columns: tuple[ColumnType, ...]
    target: ColumnType | None = None

    @classmethod
    def guess(
        cls,
        table: Table,
        target: str | None = None,
        overrides: Mapping[str, str] | None = None,
        order: Sequence[object] | None = None,
    ) -> "Schema":
        """Guess the kind of every column.

        Args:
            table: The table as read.
            target: The column to predict.
            overrides: Column to kind, which win over every guess.
            order: The levels of the target, lowest first: it is then ``ordered``.

        Raises:
            DataError: No such target column; an overridden column whose values contradict the kind; an
                ordered target whose labels are no numbers, without an order.
            ArgumentError: An override of an unknown column or to an unknown kind; ``ordered`` for another
                column than the target; an order that does not fit the target.

        >>> table = Table({"zip": np.array([98178.0, 98125.0] * 20), "price": np.arange(40.0) ** 2})
        >>> [column.kind.value for column in Schema.guess(table, "price").columns]
        ['category']
        """
        if target is not None:
            table.column(target)
        wanted = _checked(overrides or {}, table)
        kinds = []
        for name in table.names:
            column = table.columns[name]
            guess = guess_column(name, column, target=name == target)
            kind = wanted.get(name)
            if name == target and order is not None:
                kinds.append(_with_order(guess, kind, column, order_as_texts(order)))
            elif kind is Kind.ORDERED:
                if name != target:
                    raise ArgumentError(
                        "the kind ordered for the target",
                        f"for the column {name!r}",
                        "a column to predict from is a number or a category",
                    )
                kinds.append(_with_order(guess, kind, column, None))
            else:
                kinds.append(guess if kind is None else _forced(guess, kind, column))
        return cls(
            tuple(kind for kind in kinds if kind.name != target),
            next((kind for kind in kinds if kind.name == target), None),
        )

    def __getitem__(self, name: str) -> ColumnType:
        """The type of the named column, the target included; :class:`KeyError` where there is none."""
        every = self.columns if self.target is None else (*self.columns, self.target)
        for column in every:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def used(self) -> tuple[ColumnType, ...]:
        """The columns that a model sees."""
        return tuple(column for column in self.columns if column.used)

    @property
    def unused(self) -> str:
        """The first five columns that a model does not see, with the reasons, in words; empty of none.

        >>> Schema((ColumnType("id", Kind.IDENTIFIER, "counts the rows", used=False),)).unused
        "'id': counts the rows"
        """
        left_out = [column for column in self.columns if not column.used]
        more = f"; {len(left_out) - 5:,} more" if len(left_out) > 5 else ""
        return "; ".join(f"{column.name!r}: {column.reason}" for column in left_out[:5]) + more

    @property
    def uncertain(self) -> tuple[ColumnType, ...]:
        """The columns whose kind the user should look at."""
        return tuple(column for column in self.columns if not column.certain)

    def apply(self, table: Table, *, fitting: bool = False) -> Table:
        """The used columns in the form of their kinds; notes say what was passed over.

        Args:
            table: A table as read, the target not needed.
            fitting: At fit an infinity is an error; at prediction it is missing, with a note.

        Returns:
            A table of the used columns, in the schema's order, with the reader's notes and further ones.

        Raises:
            DataError: A used column is missing; cells contradict a kind in more than one row of a hundred.

        >>> schema = Schema((ColumnType("zip", Kind.CATEGORY, "a code"),))
        >>> schema.apply(Table({"zip": np.array([98178.0])})).column("zip").tolist()
        ['98178']
        """
        absent = [column.name for column in self.used if column.name not in table.columns]
        if absent:
            shown = ", ".join(map(repr, absent[:10])) + (
                f" and {len(absent) - 10} more" if len(absent) > 10 else ""
            )
            present = ", ".join(map(repr, table.names[:10])) + (", …" if len(table.names) > 10 else "")
            raise DataError(f"the columns of the training table, {shown} among them", f"columns {present}")
        notes: list[str] = []
        known = {column.name for column in self.columns} | ({self.target.name} if self.target else set())
        extra = [name for name in table.names if name not in known]
        if extra:
            shown = ", ".join(map(repr, extra[:10])) + (
                f" and {len(extra) - 10} more" if len(extra) > 10 else ""
            )
            notes.append(f"columns that the model does not use are passed over: {shown}")
        columns: dict[str, Column] = {}
        for column in self.used:
            columns[column.name], more = convert(table.columns[column.name], column, fitting=fitting)
            notes += more
        return Table(columns, table.source, (*table.notes, *notes))

    def apply_target(self, table: Table) -> tuple[Column, list[str]]:
        """The target in the form of its kind, and notes.

        Raises:
            ArgumentError: The schema has no target.
            DataError: The column is missing, its cells contradict its kind, it is infinite or beyond 1e100
                somewhere, or it has fewer than two values, or values that squares cannot tell apart.

        >>> table = Table({"y": np.array(["yes", "no"] * 5, dtype=object)})
        >>> Schema.guess(table, "y").apply_target(table)[0].tolist()[:2]
        [1.0, 0.0]
        """
        if self.target is None:
            raise ArgumentError("a schema with a target", "one without", "guess it with target=…")
        values, notes = convert(table.column(self.target.name), self.target, fitting=True)
        known = values[~missing(values)]
        if not len(known) or bool(np.all(known == known[0])):
            got = f"always {str(known[0])[:40]!r}" if len(known) else "missing in every row"
            raise DataError(
                f"a target {self.target.name!r} with at least two values", got, "nothing can be learned"
            )
        if known.dtype == np.float64 and 0 < np.ptp(known) < 1 / LARGEST:
            raise DataError(
                f"a target {self.target.name!r} whose values differ by at least {1 / LARGEST:g}",
                f"{np.ptp(known):.3g} between the smallest and the largest",
                "rescale it: squares of such differences are zero",
            )
        return values, notes

    def to_record(self) -> dict[str, Any]:
        """Plain JSON form."""
        return {
            "version": VERSION,
            "columns": [column.to_record() for column in self.columns],
            "target": self.target and self.target.to_record(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Schema":
        """Read the plain JSON form.

        Raises:
            ArtifactError: Another version, or a record that is none.

        >>> schema = Schema((ColumnType("x", Kind.NUMBER, "numbers"),))
        >>> Schema.from_record(schema.to_record()) == schema
        True
        """
        if not isinstance(record, Mapping) or record.get("version") != VERSION:
            got = record.get("version") if isinstance(record, Mapping) else type(record).__name__
            raise ArtifactError(f"a schema of version {VERSION}", str(got), "use the fivefold that wrote it")
        columns, target = record.get("columns"), record.get("target")
        if not isinstance(columns, list):
            raise ArtifactError("a schema with a list of columns", type(columns).__name__)
        kinds = tuple(ColumnType.from_record(column) for column in columns)
        return cls(kinds, None if target is None else ColumnType.from_record(target))


def _checked(overrides: Mapping[str, str], table: Table) -> dict[str, Kind]:
    wanted = {}
    for name, kind in overrides.items():
        if name not in table.columns:
            shown = ", ".join(map(repr, table.names[:10]))
            raise ArgumentError(
                f"a kind for one of the columns {shown}", f"a kind for {name!r}", "see --types"
            )
        if kind not in set(Kind):
            raise ArgumentError(
                f"a kind of {', '.join(Kind)}", f"{kind!r} for column {name!r}", "see --types"
            )
        wanted[name] = Kind(kind)
    return wanted


def _with_order(
    guess: ColumnType, kind: Kind | None, column: Column, order: tuple[str, ...] | None
) -> ColumnType:
    """The target as levels in their order."""
    found = guess.kind if kind is None else kind
    if found in {Kind.NUMBER, Kind.DATE} or kind in {Kind.TEXT, Kind.IDENTIFIER}:
        raise ArgumentError(
            f"an order beside a target {guess.name!r} of classes",
            f"a target of kind {found}" + ("" if kind else f" ({guess.reason})"),
            f"say --types {guess.name}=ordered, or leave the order out",
        )
    forced = _forced(guess, Kind.ORDERED, column)
    values, _ = convert(column, forced, fitting=True)
    levels = sorted(set(values[~missing(values)].tolist()))
    return replace(forced, levels=level_order(guess.name, levels, order))


def _forced(guess: ColumnType, kind: Kind, column: Column) -> ColumnType:
    """The override, with the levels or the form that it needs, checked against the values."""
    used = kind is not Kind.IDENTIFIER
    forced = replace(guess, kind=kind, reason="as you said", certain=True, used=used, levels=None)
    if kind is Kind.BOOLEAN:
        levels = levels_of(convert(column, replace(forced, kind=Kind.CATEGORY), fitting=True)[0]) or ()
        if len(levels) > 2 or not levels:
            raise DataError(f"two values in the boolean column {guess.name!r}", f"{len(levels):,} values")
        words = guess.levels if guess.kind is Kind.BOOLEAN else None
        forced = replace(forced, levels=words if words or len(levels) < 2 else levels)
    values, _ = convert(column, forced, fitting=kind is not Kind.NUMBER)
    return replace(forced, levels=levels_of(values)) if kind is Kind.CATEGORY else forced
