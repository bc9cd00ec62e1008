"""From the types of SQL to the physical columns of a table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.tables.figures import LARGEST_WHOLE, MISSING_WORDS
from fivefold.tasks.tables.table import Column, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_CELLS = 500_000_000
_SMALL = {"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE"}
_LARGE = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM", "VARINT"}
_DATES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_US", "DATETIME"}
_BATCH = 2000


def quoted(name: str) -> str:
    """A name as an SQL identifier.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def type_csv_texts(con: "DuckDBPyConnection", source: str, texts: Sequence[str]) -> list[str]:
    """SQL expressions that turn the text columns of a relation into numbers where every cell is one.

    The whole column decides, not a sample. Words that mean missing count as missing where the rest is
    numbers. Leading zeros (codes) and whole numbers beyond 2^53 (keys) keep a column a text.

    Args:
        con: The connection.
        source: A relation's name.
        texts: Its text columns.

    Returns:
        One expression per column.
    """
    words = ", ".join("'" + word.replace("'", "''") + "'" for word in sorted(MISSING_WORDS))
    rough = _counts(
        con,
        source,
        texts,
        (
            "count(*) filter ({0} <> '')",
            "count(try_cast({0} as double))",
            "count(*) filter ({0} = '' or length({0}) < length(cell))",
        ),
    )
    doubtful = [name for name, (filled, cast, _) in zip(texts, rough, strict=True) if filled and cast]
    tests = (
        f"count(*) filter (try_cast({{0}} as double) is null and lower({{0}}) not in ('', {words}))",
        f"count(*) filter (lower({{0}}) not in ('', {words}))",
        # DuckDB's cast also takes 1_000 and the like, which no other program reads as a number.
        "count(*) filter (contains({0}, '_') or contains(lower({0}), 'x'))",
        "count(*) filter (ltrim({0}, '+-') like '0%' and regexp_full_match({0}, '[+-]?0[0-9]+'))",
        f"count(*) filter (length({{0}}) > 15 and regexp_full_match({{0}}, '[+-]?[0-9]+')"
        f" and coalesce(abs(try_cast({{0}} as hugeint)) > {LARGEST_WHOLE}, true))",
    )
    fine = dict(zip(doubtful, _counts(con, source, doubtful, tests), strict=True))
    out: list[str] = []
    for name, (filled, _, loose) in zip(texts, rough, strict=True):
        foreign, known, odd, zeros, large = fine.get(name, (1, 0, 0, 0, 0))
        number = not filled or (known and not (foreign or odd or zeros or large))
        text = f"nullif(trim({quoted(name)}), '')" if loose else quoted(name)
        out.append(f"try_cast({quoted(name)} as double)" if number else text)
    return out


def _counts(
    con: "DuckDBPyConnection", source: str, names: Sequence[str], tests: Sequence[str]
) -> list[tuple[int, ...]]:
    """Each test's aggregate over each column's trimmed cells.

    The columns are stacked into one: planning an aggregate per column takes seconds where columns are many.
    """
    if not names:
        return []
    stacked = f"unpivot {source} on {', '.join(map(quoted, names))} into name column_name value cell"
    asked = ", ".join(test.format("tight") for test in tests)
    tight = f"select column_name, cell, trim(cell) as tight from ({stacked})"  # noqa: S608
    rows = con.execute(f"select column_name, {asked} from ({tight}) group by column_name").fetchall()  # noqa: S608
    found = {row[0]: tuple(int(n) for n in row[1:]) for row in rows}
    return [found.get(name, (0,) * len(tests)) for name in names]


def fetch(con: "DuckDBPyConnection", relation: str, names: Sequence[str], where: str) -> Table:
    """The physical columns of a relation.

    Args:
        con: The connection.
        relation: A table or view.
        names: The names to give its columns, in order; a struct's fields are added as ``name.field``.
        where: The source, for messages.

    Raises:
        DataError: No columns, no rows, too many cells, or a column of a type that is no cell.
    """
    _, plan, notes = planned(con, relation, names, where, MOST_CELLS)
    return Table(arrays(con, plan, relation), where, tuple(notes))


def pages(
    con: "DuckDBPyConnection", relation: str, names: Sequence[str], where: str, rows: int
) -> Iterator[Table]:
    """The physical columns of a table of the database, so many rows at a time, in order.

    Args:
        con: The connection.
        relation: A table, not a view: its rows are numbered.
        names: The names to give its columns, in order.
        where: The source, for messages.
        rows: Most rows of a page, at least 1.

    Raises:
        DataError: No columns, no rows, or a column of a type that is no cell.
    """
    count, plan, notes = planned(con, relation, names, where, None)
    for at in range(0, count, rows):
        part = f"{relation} where rowid >= {at} and rowid < {at + rows} order by rowid"
        yield Table(arrays(con, plan, part), where, tuple(notes))


def planned(
    con: "DuckDBPyConnection", relation: str, names: Sequence[str], where: str, most: int | None
) -> tuple[int, list[tuple[str, str, str]], list[str]]:
    """Return the number of rows, (name, expression, physical kind) of each column to fetch, and notes.

    Raises:
        DataError: No columns, no rows, more cells than ``most``, or a column of a type that is no cell.
    """
    described = con.execute(f"describe {relation}").fetchall()
    rows = int((con.execute(f"select count(*) from {relation}").fetchone() or (0,))[0])  # noqa: S608
    if not described:
        raise DataError("a table with columns", f"none in {where}")
    if rows == 0:
        raise DataError(
            "a table with rows", f"{len(described)} column names and no row in {where}", "add rows"
        )
    if most is not None and rows * len(described) > most:
        raise DataError(
            f"at most {most:,} cells",
            f"{rows:,} rows of {len(described):,} columns",
            "select columns or sample rows: --query 'SELECT … FROM data USING SAMPLE 10%'",
        )
    plan: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for (inner, kind, *_), name in zip(described, names, strict=True):
        plan += _expand(con, relation, quoted(inner), str(kind), name, notes)
    return rows, plan, notes


def arrays(con: "DuckDBPyConnection", plan: list[tuple[str, str, str]], source: str) -> dict[str, Column]:
    """Return the columns of a plan from a relation, or from one with a condition."""
    columns: dict[str, Column] = {}
    for start in range(0, len(plan), _BATCH):
        batch = plan[start : start + _BATCH]
        wanted = ", ".join(f"{sql} as c{i}" for i, (_, sql, _) in enumerate(batch))
        arrays = con.execute(f"select {wanted} from {source}").fetchnumpy()  # noqa: S608
        for i, (name, _, kind) in enumerate(batch):
            stem, count = name, 0
            while name in columns:
                count += 1
                name = f"{stem}_{count}"
            columns[name] = _physical(arrays[f"c{i}"], kind)
    return columns


def _expand(
    con: "DuckDBPyConnection",
    relation: str,
    cell: str,
    kind: str,
    name: str,
    notes: list[str],
    deep: bool = False,
) -> list[tuple[str, str, str]]:
    """(name, expression, physical kind) of each column that a column of this SQL type gives."""
    if kind in _SMALL or kind.startswith("DECIMAL"):
        return [(name, f"cast({cell} as double)", "number")]
    if kind in _LARGE:
        row = con.execute(f"select min({cell}), max({cell}) from {relation}").fetchone() or (0, 0)  # noqa: S608
        if any(end is not None and abs(int(end)) > LARGEST_WHOLE for end in row):
            notes.append(f"column {name!r} holds whole numbers beyond 2^53: kept as text")
            return [(name, f"cast({cell} as varchar)", "text")]
        return [(name, f"cast({cell} as double)", "number")]
    if kind == "BOOLEAN":
        return [(name, cell, "boolean")]
    if kind in _DATES:
        sql = f"select count(*) filter (not isfinite({cell})) from {relation}"  # noqa: S608
        if kind in {"DATE", "TIMESTAMP"} and (infinite := int((con.execute(sql).fetchone() or (0,))[0])):
            notes.append(f"column {name!r}: {infinite:,} infinite dates read as missing")
        finite = f"case when isfinite(cast({cell} as timestamp)) then cast({cell} as timestamp) end"
        return [(name, finite, "date")]
    if kind == "TIMESTAMP WITH TIME ZONE":
        notes.append(f"column {name!r}: times moved to UTC")
        return [(name, f"case when isfinite({cell}) then timezone('UTC', {cell}) end", "date")]
    if kind in {"TIME", "INTERVAL"}:
        notes.append(f"column {name!r}: read as seconds")
        return [(name, f"cast(epoch({cell}) as double)", "number")]
    if kind == "JSON":
        return [(name, f"{cell} ->> '$'", "text")]
    if kind in {"VARCHAR", "UUID"} or kind.startswith("ENUM"):
        return [(name, f"cast({cell} as varchar)", "text")]
    if kind in {'"NULL"', "NULL"}:
        return [(name, "cast(null as double)", "number")]
    if kind.startswith("STRUCT") and not kind.endswith("]") and not deep:
        described = con.execute(f"describe select unnest({cell}) from {relation}").fetchall()  # noqa: S608
        notes.append(f"column {name!r}: read as the {len(described)} columns of its fields")
        return [
            part
            for field, inner, *_ in described
            for part in _expand(
                con, relation, f"{cell}.{quoted(field)}", str(inner), f"{name}.{field}", notes, deep=True
            )
        ]
    raise DataError(
        "cells of numbers, texts, dates or booleans",
        f"column {name!r} of type {kind[:60]}",
        f"leave it out: --query 'SELECT * EXCLUDE ({cell.partition('.')[0]}) FROM data'",  # noqa: S608
    )


def _physical(array: NDArray[Any], kind: str) -> Column:
    """DuckDB's array, masked where cells are missing, as a physical column."""
    gaps = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    data = np.asarray(np.ma.getdata(array))
    if kind == "number":
        numbers = data.astype(np.float64)
        return numbers if gaps is None else np.where(gaps, np.nan, numbers)
    if kind == "date":
        dates = data.astype("datetime64[us]")
        return dates if gaps is None else np.where(gaps, np.datetime64("NaT", "us"), dates)
    out = data.astype(object)
    if gaps is not None:
        out[gaps] = None
    return out
