"""Rows by their numbers: some of a table's rows, in its order, without reading the others into memory.

Parquet files are read where they lie. CSV, JSON and what a query gives are laid once in a temporary file,
where what a column holds is decided over all of its rows, as for a table that is read whole; so the same rows
give the same values whatever the format. A table in memory is cut.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fivefold.core import DataError
from fivefold.tasks.tables.read import explain, literal, read
from fivefold.tasks.tables.sampling import Numbers, Size
from fivefold.tasks.tables.sqltypes import arrays, fetch, planned, quoted
from fivefold.tasks.tables.table import Table, missing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class ChangedError(DataError):
    """The files are not those that were counted: another program wrote to them meanwhile."""


class NumberedRows(Protocol):
    """A table whose rows are numbered 0 … N - 1."""

    @property
    def size(self) -> Size:
        """Rows and columns."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        ...

    def whole(self) -> Table:
        """Return all rows."""
        ...

    def take(self, numbers: Numbers) -> Table:
        """Return the rows of sorted numbers ``[n]``.

        Raises:
            DataError: The files changed since they were counted.
        """
        ...

    def pages(self, rows: int, only: Numbers | None = None) -> Iterator[tuple[Numbers, Table]]:
        """Yield the rows, or those of sorted numbers ``only``, from so many at a time, with their numbers.

        Raises:
            DataError: The files changed since they were counted.
        """
        ...

    def values(self, column: str) -> tuple[Numbers, Numbers]:
        """Return for every value of a column its first row and how many rows have it, by first row."""
        ...

    def like(self, column: str, numbers: Numbers) -> Numbers:
        """Return the sorted numbers of the rows whose value in a column is that of one of these rows."""
        ...


@dataclass(frozen=True, eq=False)
class MemoryRows:
    """The rows of a table in memory."""

    table: Table

    @property
    def size(self) -> Size:
        """Rows and columns."""
        texts = sum(column.dtype == object for column in self.table.columns.values())
        return Size(self.table.rows, len(self.table.names) - texts, texts)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.table.names

    def whole(self) -> Table:
        """Return all rows."""
        return self.table

    def take(self, numbers: Numbers) -> Table:
        """Return the rows of sorted numbers ``[n]``."""
        return self.table.take(numbers)

    def pages(self, rows: int, only: Numbers | None = None) -> Iterator[tuple[Numbers, Table]]:
        """Yield the rows from so many at a time, with their numbers."""
        for at in range(0, self.table.rows, rows):
            numbers = np.arange(at, min(at + rows, self.table.rows))
            numbers = numbers if only is None else _within(only, at, at + rows)
            if len(numbers):
                yield numbers, self.table.take(numbers)

    def values(self, column: str) -> tuple[Numbers, Numbers]:
        """Return for every value of a column its first row and how many rows have it, by first row."""
        codes = self._codes(column)
        _, first, counts = np.unique(codes, return_index=True, return_counts=True)
        order = np.argsort(first)
        return first[order].astype(np.int64), counts[order].astype(np.int64)

    def like(self, column: str, numbers: Numbers) -> Numbers:
        """Return the sorted numbers of the rows whose value in a column is that of one of these rows."""
        codes = self._codes(column)
        return np.flatnonzero(np.isin(codes, codes[numbers]))

    def _codes(self, column: str) -> Numbers:
        values = self.table.column(column)
        if values.dtype == object:
            known: dict[object, int] = {}
            return np.array([known.setdefault(v, len(known)) for v in values.tolist()], dtype=np.int64)
        codes = np.unique(values[~missing(values)])
        return np.where(missing(values), -1, np.searchsorted(codes, values)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Part:
    """Rows ``start … start + rows - 1``: those of one relation, in the order of ``number`` from 0."""

    relation: str
    number: str
    start: int
    rows: int


@dataclass(frozen=True, eq=False)
class Plan:
    """What to fetch, ``(name, expression, physical kind)``, and what was noticed about the types."""

    columns: list[tuple[str, str, str]]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FileRows:
    """The rows of files, through a database.

    Args:
        connect: Opens the database, with the relation of all rows and those of the parts.
        relation: All rows.
        parts: Where they lie.
        labels: The names of the relation's columns.
        where: The source, in words.
        stamps: Size and time of change of every file as it was counted.
        notes: What the reader noticed.
        plan: What to fetch, with further notes; found on first use.
    """

    connect: "Callable[[], AbstractContextManager[DuckDBPyConnection]]"
    relation: str
    parts: tuple[Part, ...]
    labels: tuple[str, ...]
    where: str
    stamps: tuple[tuple[Path, int, int], ...]
    notes: tuple[str, ...] = ()
    plan: list[Plan] = field(default_factory=list)

    def _planned(self) -> Plan:
        if not self.plan:
            with self._open() as con:
                _, columns, notes = planned(con, self.relation, self.labels, self.where, None)
            self.plan.append(Plan(columns, (*self.notes, *notes)))
        return self.plan[0]

    @property
    def size(self) -> Size:
        """Rows and columns."""
        plan = self._planned()
        texts = sum(kind == "text" for _, _, kind in plan.columns)
        return Size(sum(part.rows for part in self.parts), len(plan.columns) - texts, texts)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(name for name, _, _ in self._planned().columns)

    @contextmanager
    def _open(self) -> "Iterator[DuckDBPyConnection]":
        """A connection; the files are as they were counted before it is opened and after it is used."""
        import duckdb

        check(self.stamps)
        try:
            with self.connect() as con:
                yield con
        except duckdb.Error as error:
            check(self.stamps)  # where it changed, that is why
            raise explain(str(error), self.where, None) from error
        check(self.stamps)

    def whole(self) -> Table:
        """Return all rows, as :func:`~fivefold.tasks.tables.read.read` does."""
        if self.stamps:
            return read([path for path, _, _ in self.stamps])
        with self._open() as con:
            return fetch(con, self.relation, self.labels, self.where).noted(*self.notes)

    def take(self, numbers: Numbers) -> Table:
        """Return the rows of sorted numbers ``[n]``.

        Raises:
            DataError: The files changed since they were counted.
        """
        plan = self._planned()
        with self._open() as con:
            found = [self._some(con, part, numbers) for part in self.parts]
        tables = [table for table in found if table is not None]
        columns = {n: np.concatenate([t.columns[n] for t in tables]) for n in tables[0].names}
        table = Table(columns, self.where, plan.notes)
        self._same(table.rows, len(numbers))
        return table

    def _some(self, con: "DuckDBPyConnection", part: Part, numbers: Numbers) -> Table | None:
        inside = _within(numbers, part.start, part.start + part.rows) - part.start
        if not len(inside):
            return None
        source = part.relation
        if len(inside) < part.rows:
            low, high = int(inside[0]), int(inside[-1])
            source += f" where {part.number} between {low} and {high}"
            if high - low + 1 > len(inside):
                listed = ",".join(map(str, inside.tolist()))
                source += f" and {part.number} in (select unnest([{listed}]::bigint[]))"
        return Table(arrays(con, self._planned().columns, f"{source} order by {part.number}"), self.where)

    def pages(self, rows: int, only: Numbers | None = None) -> Iterator[tuple[Numbers, Table]]:
        """Yield the rows, or those of sorted numbers ``only``, from so many at a time, with their numbers.

        Raises:
            DataError: The files changed since they were counted.
        """
        plan = self._planned()
        with self._open() as con:
            for part in self.parts:
                for at in range(part.start, part.start + part.rows, rows):
                    end = min(at + rows, part.start + part.rows)
                    numbers = np.arange(at, end) if only is None else _within(only, at, end)
                    table = self._some(con, part, numbers)
                    if table is None:
                        continue
                    if table.rows != len(numbers):
                        raise ChangedError(
                            f"{len(numbers):,} rows of {self.where}", f"{table.rows:,}", _CHANGED
                        )
                    yield numbers, table.noted(*plan.notes)

    def _same(self, got: int, expected: int) -> None:
        if got != expected:
            raise ChangedError(f"{expected:,} rows of {self.where}", f"{got:,}", _CHANGED)

    def _numbered(self, column: str) -> str:
        """A query that gives the number and the cell of every row."""
        sql = {name: sql for name, sql, _ in self._planned().columns}.get(column)
        if sql is None:
            Table({name: np.zeros(0) for name in self.names}).column(column)  # its error names the nearest
        parts = [f"select {p.start} + {p.number} as n, {sql} as v from {p.relation}" for p in self.parts]  # noqa: S608
        return " union all ".join(parts)

    def values(self, column: str) -> tuple[Numbers, Numbers]:
        """Return for every value of a column its first row and how many rows have it, by first row."""
        asked = f"select min(n) as n, count(*) as c from ({self._numbered(column)}) group by v order by 1"  # noqa: S608
        with self._open() as con:
            found = con.execute(asked).fetchnumpy()
        return np.asarray(found["n"], dtype=np.int64), np.asarray(found["c"], dtype=np.int64)

    def like(self, column: str, numbers: Numbers) -> Numbers:
        """Return the sorted numbers of the rows whose value in a column is that of one of these rows."""
        listed = ",".join(map(str, numbers.tolist()))
        rows = self._numbered(column)
        wanted = f"select distinct v from ({rows}) where n in (select unnest([{listed}]::bigint[]))"  # noqa: S608
        asked = f"select n from ({rows}) a join ({wanted}) b on a.v is not distinct from b.v order by n"  # noqa: S608
        with self._open() as con:
            return np.asarray(con.execute(asked).fetchnumpy()["n"], dtype=np.int64)


def _within(numbers: Numbers, low: int, high: int) -> Numbers:
    """Those of sorted numbers that are at least ``low`` and below ``high``."""
    start, end = np.searchsorted(numbers, [low, high])
    return numbers[start:end]


_CHANGED = "another program wrote to the file meanwhile: fit a copy that stays as it is"


def stamps(paths: Sequence[Path]) -> tuple[tuple[Path, int, int], ...]:
    """Return size and time of change of every file."""
    return tuple((path, (found := path.stat()).st_size, found.st_mtime_ns) for path in paths)


def check(expected: tuple[tuple[Path, int, int], ...]) -> None:
    """Refuse files that changed.

    Raises:
        DataError: A file is gone, or of another size or time of change.
    """
    for path, size, time in expected:
        try:
            found = path.stat()
        except OSError as error:
            raise ChangedError(f"the file {path.name!r} as it was counted", str(error), _CHANGED) from error
        if (found.st_size, found.st_mtime_ns) != (size, time):
            got = f"one of {found.st_size:,} bytes, changed since"
            raise ChangedError(f"the file {path.name!r} of {size:,} bytes, as it was counted", got, _CHANGED)


def parquet(paths: Sequence[Path], where: str) -> FileRows | None:
    """Return the rows of Parquet files, read where they lie; ``None`` where a name of a column forbids it.

    Raises:
        DataError: A file changed while it was counted, or cannot be read.
    """
    import duckdb

    files = [literal(path).replace("'", "''") for path in paths]
    before = stamps(paths)
    try:
        with closing(_views(files)) as con:
            labels = _columns(con, "data")
            if {"file_row_number", _NUMBER} & {label.lower() for label in labels}:
                return None
            counts = [_count(con, f"part{i}") for i in range(len(files))]
    except duckdb.Error as error:
        if "file_row_number" in str(error):  # a column of that name
            return None
        raise explain(str(error), where, None) from error
    check(before)
    starts = np.cumsum([0, *counts])[:-1].tolist()
    parts = [
        Part(f"part{i}", quoted(_NUMBER), start, count)
        for i, (start, count) in enumerate(zip(starts, counts, strict=True))
    ]
    return FileRows(lambda: closing(_views(files)), "data", tuple(parts), labels, where, before)


def _views(files: Sequence[str]) -> "DuckDBPyConnection":
    """A database with the view ``data`` of all rows, and the views ``part0`` … of every file's, numbered."""
    import duckdb

    con = duckdb.connect(config=_SETTINGS)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    listed = ", ".join(f"'{file}'" for file in files)
    con.execute(
        f"create view data as from read_parquet([{listed}], union_by_name=true, hive_partitioning=false)"
    )
    described = [(str(row[0]), str(row[1])) for row in con.execute("describe data").fetchall()]
    for i, file in enumerate(files):
        call = f"read_parquet('{file}', hive_partitioning=false, file_row_number=true)"
        own = set(_columns(con, call))
        cells = ", ".join(
            f"cast({quoted(name) if name in own else 'null'} as {kind}) as {quoted(name)}"
            for name, kind in described
        )
        numbered = f"{cells}, file_row_number as {quoted(_NUMBER)}"
        con.execute(f"create view part{i} as select {numbered} from {call}")  # noqa: S608
    return con


def _columns(con: "DuckDBPyConnection", relation: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in con.execute(f"describe from {relation}").fetchall())


def laid(
    con: "DuckDBPyConnection", relation: str, labels: tuple[str, ...], where: str, notes: Sequence[str]
) -> FileRows:
    """Return the rows of a table of an open database, which stays open while they are used."""
    part = Part(relation, "rowid", 0, _count(con, relation))
    return FileRows(lambda: nullcontext(con), relation, (part,), labels, where, (), tuple(notes))


def _count(con: "DuckDBPyConnection", relation: str) -> int:
    return int((con.execute(f"select count(*) from {relation}").fetchone() or (0,))[0])  # noqa: S608


_NUMBER = "fivefold row number"
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    # One thread decodes one group of rows at a time, which bounds the memory; reading is not what takes long.
    "threads": "1",
    "memory_limit": "600MB",
}
