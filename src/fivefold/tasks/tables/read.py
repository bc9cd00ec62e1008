"""Read tables from files through DuckDB: CSV, TSV, JSON, Parquet, several files, and SQL over them.

Nothing is fetched from a network. SQL sees the table ``data`` and no file: it runs after DuckDB's access to
files is closed and its settings are locked.
"""

import glob
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fivefold.core import ArgumentError, DataError, MissingExtraError, require
from fivefold.tasks.tables import csvtext
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.sqltypes import MOST_CELLS, fetch, pages, quoted, type_csv_texts
from fivefold.tasks.tables.table import Table
from fivefold.tasks.user_path import user_path

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["expand", "from_frame", "read", "read_pages"]

MOST_FILES = 10_000
_PAGED_MEMORY = "300MB"
"""What DuckDB may hold in memory while a table is handed out by pages; the rest waits in a file."""
_LAID_ROWS = 16_384
"""Rows that the file takes at once. By DuckDB's default 120,000 of every column wait in memory."""
_ENDINGS = {
    "csv": (".csv", ".tsv", ".tab", ".txt", ".dat"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet", ".pq", ".parq"),
}
_FOREIGN = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"ARROW1": "an Arrow (Feather) file",
    b"SQLite": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"%PDF": "a PDF",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
}


def read(source: str | Path | Sequence[str | Path], query: str | None = None) -> Table:
    r"""Read a table from one file, several files or a pattern, and optionally select from it by SQL.

    Args:
        source: A path (CSV, TSV, JSON, NDJSON, Parquet; gzip and zstd), a pattern such as ``sales/*.csv``, or
            a list of them. A path that exists is read literally, whatever characters it holds. Several files
            are joined by column name.
        query: One SELECT statement over the table ``data``.

    Returns:
        The table as stored: numbers, texts, dates and booleans, with notes on what the reader had to decide.

    Raises:
        DataError: Missing, empty, damaged, ragged, binary or unreadable files; a query that fails.
        ArgumentError: A query that is not one SELECT statement.
        MissingExtraError: DuckDB is not installed.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "t.csv")
    ...     _ = path.write_text("x;name\n1;Ann\n-;Bob\n")
    ...     table = read(path)
    >>> table.column("x").tolist(), table.column("name").tolist()
    ([1.0, nan], ['Ann', 'Bob'])
    """
    with loaded(source, query) as (con, relation, names, where, notes):
        return fetch(con, relation, names, where).noted(*notes)


def read_pages(
    source: str | Path | Sequence[str | Path], query: str | None = None, rows: int = 20_000
) -> Iterator[Table]:
    r"""Read a table as :func:`read` does, but hand it out so many rows at a time, in bounded memory.

    The rows lie in a temporary file meanwhile. What a column holds is decided over all of its rows, so that
    the pages put together are the table that :func:`read` returns; its limit on cells falls away.

    Args:
        source: As for :func:`read`.
        query: As for :func:`read`.
        rows: Most rows of a page, at least 1.

    Yields:
        Tables of ``rows`` rows, the last one shorter; each has the reader's notes.

    Raises:
        DataError: As :func:`read`, before the first page; or no room for the temporary file.
        ArgumentError: A query that is not one SELECT statement, or ``rows`` below 1.
        MissingExtraError: DuckDB is not installed.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "t.csv")
    ...     _ = path.write_text("x\n1\n2\n3\n")
    ...     [page.column("x").tolist() for page in read_pages(path, rows=2)]
    [[1.0, 2.0], [3.0]]
    """
    require(rows >= 1, "at least 1 row of a page", rows)
    with loaded(source, query, paged=True) as (con, relation, names, where, notes):
        for page in pages(con, relation, names, where, rows):
            yield page.noted(*notes)


@contextmanager
def loaded(
    source: str | Path | Sequence[str | Path], query: str | None, *, paged: bool = False
) -> Iterator[tuple["DuckDBPyConnection", str, tuple[str, ...], str, list[str]]]:
    """Yield a connection with the rows, the relation, its columns' names, the source in words, and notes.

    Paged, the relation is a table in a file, of which a little is in memory at a time.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError.of("duckdb", extra="tables") from error
    paths = expand(source)
    where = describe(paths)
    kinds = {kind_of(path) for path in paths}
    if len(kinds) > 1:
        raise DataError("files of one format", f"{' and '.join(sorted(kinds))} in {where}", "read them apart")
    settings = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "threads": str(min(4, os.cpu_count() or 1)),
    }
    if paged:
        settings["memory_limit"] = _PAGED_MEMORY
    with tempfile.TemporaryDirectory(prefix="fivefold-") as scratch:
        if paged:
            settings["temp_directory"] = scratch
        with duckdb.connect(":memory:", config=settings) as con:
            if paged:
                place = str(Path(scratch) / "rows.duckdb").replace("'", "''")
                con.execute(f"ATTACH '{place}' AS laid (ROW_GROUP_SIZE {_LAID_ROWS})")
                con.execute("USE laid")
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")
            try:
                if kinds == {"csv"}:
                    names, notes = _load_csv(con, paths, Path(scratch), paged=paged)
                else:
                    names, notes = _load_typed(con, paths, kinds.pop(), paged=paged)
                if query is None:
                    yield con, "data", names, where, notes
                else:
                    # the order of groups, and of sums within them, stays the same
                    con.execute("SET threads = 1")
                    yield con, "answer", _select(con, query, names), where, notes
            except duckdb.Error as error:
                raise explain(str(error), where, query) from error


def expand(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files that a source names, in order; patterns are expanded and sorted.

    Raises:
        DataError: No such file, a directory, an address on a network, or more than 10,000 files.
    """
    if not isinstance(source, str | Path):
        parts = [path for part in source for path in expand(part)]
        if not parts:
            raise DataError("at least one file", "an empty list")
        return parts
    text = str(source)
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:[/\\]{1,2}\w", text) and not os.path.lexists(text):
        raise DataError(
            "a local file", f"the address {text[:100]!r}", "download it first: nothing is fetched here"
        )
    if "\x00" in text:
        raise DataError("a path", f"{text[:100]!r}, which holds a NUL character")
    path = user_path(text)
    if path.is_file():
        return [path]
    if path.is_dir():
        raise DataError("a file", f"the directory {text!r}", f"name its files: {text.rstrip('/')}/*.csv")
    if path.exists():
        raise DataError("a regular file", f"{text!r}, a device or pipe", "save it to a file first")
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
    if not found:
        raise DataError("an existing file", f"{text[:200]!r}, where there is none", f"looked in {Path.cwd()}")
    if len(found) > MOST_FILES:
        raise DataError(f"at most {MOST_FILES:,} files", f"{len(found):,} match {text!r}")
    return found


def describe(paths: list[Path]) -> str:
    """Return the source in words."""
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def kind_of(path: Path) -> str:
    """Return csv, json or parquet; the first bytes decide before the name does.

    Raises:
        DataError: A file that cannot be read, is empty, or is of another format.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4))
            end = file.read(4)
    except PermissionError as error:
        raise DataError(
            f"a readable file {str(path)!r}", "no permission to read it", "change its mode"
        ) from error
    except OSError as error:
        raise DataError(f"a readable file {str(path)!r}", str(error)) from error
    if not start:
        raise DataError("a table", f"the empty file {str(path)!r}")
    for magic, name in _FOREIGN.items():
        if start.startswith(magic):
            raise DataError(
                "CSV, TSV, JSON or Parquet", f"{path.name!r}, {name}", "save it as CSV or Parquet"
            )
    stem = re.sub(r"\.(gz|gzip|zst|zstd)$", "", path.name.lower())
    by_name = next((kind for kind, endings in _ENDINGS.items() if stem.endswith(endings)), None)
    if start[:4] == b"PAR1" or by_name == "parquet":
        if start[:4] != b"PAR1":
            raise DataError(
                "a Parquet file", f"{path.name!r}, which does not begin like one", "give it its true name"
            )
        if end != b"PAR1" or size < 12:
            raise DataError("a whole Parquet file", f"{path.name!r}, whose end is missing", "copy it again")
        return "parquet"
    if by_name is not None:
        return by_name
    return "json" if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["} else "csv"


def literal(path: Path) -> str:
    """Return the path with the characters of patterns escaped, for DuckDB expands patterns itself."""
    return re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", str(path.absolute()))


def _csv_call(shape: csvtext.CsvShape, compression: str) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(shape.names)))
    delimiter = "chr(9)" if shape.delimiter == "\t" else f"'{shape.delimiter}'"
    return (
        f"read_csv(?, delim={delimiter}, quote='\"', escape='\"', header=true, auto_detect=false, "
        f"maximum_line_size={csvtext.LONGEST_LINE}, compression='{compression}', nullstr='', "
        f"columns={{{columns}}})"
    )


def _load_csv(
    con: "DuckDBPyConnection", paths: list[Path], scratch: Path, *, paged: bool
) -> tuple[tuple[str, ...], list[str]]:
    """Read all files as text, join them by name, and find the numbers over the whole columns.

    Paged, ``data`` is a table, whose rows are numbered; otherwise a view saves the copy.
    """
    names: dict[str, None] = {}
    shapes: list[csvtext.CsvShape] = []
    notes: list[str] = []
    for number, path in enumerate(paths):
        shape = _load_one(con, path, scratch, number)
        shapes.append(shape)
        notes += [f"{path.name}: {note}" if len(paths) > 1 else note for note in shape.notes]
        names |= dict.fromkeys(shape.names)
    for path, shape in zip(paths, shapes, strict=True):
        absent = [name for name in names if name not in shape.names]
        if absent:
            notes.append(f"{path.name} has no column {', '.join(map(repr, absent[:5]))}: missing in its rows")
    place = {name: i for i, name in enumerate(names)}
    selects = []
    for number, shape in enumerate(shapes):
        own = {name: i for i, name in enumerate(shape.names)}
        cells = ", ".join(
            f"c{own[name]} as c{i}" if name in own else f"cast(null as varchar) as c{i}"
            for name, i in place.items()
        )
        selects.append(f"select {cells} from raw{number}")  # noqa: S608
    con.execute("create view texts as " + " union all ".join(selects))
    typed = type_csv_texts(con, "texts", [f"c{i}" for i in range(len(place))])
    unique, renamed = csvtext.unique_names(list(names))
    wanted = ", ".join(f"{sql} as {quoted(name)}" for sql, name in zip(typed, unique, strict=True))
    con.execute(f"create {'table' if paged else 'view'} data as select {wanted} from texts")  # noqa: S608
    return unique, notes + renamed


def _load_one(con: "DuckDBPyConnection", path: Path, scratch: Path, number: int) -> csvtext.CsvShape:
    """Read one file as text into the table ``raw<number>``."""
    import duckdb

    compression = csvtext.compression_of(path)
    sample = None
    if compression == "zstd":
        lines = con.execute(
            "select l from read_csv(?, delim=chr(1), quote='', escape='', header=false, auto_detect=false, "
            "compression='zstd', columns={'l': 'VARCHAR'}) limit 2000",
            [literal(path)],
        ).fetchall()
        sample = "\n".join(line or "" for (line,) in lines) + "\n"
    shape = csvtext.inspect_csv(path, sample)
    target, packing = path, compression
    recoded = scratch / f"{number}.csv"
    if shape.recode:
        csvtext.write_utf8(path, shape.encoding, recoded)
        target, packing = recoded, "none"
    try:
        con.execute(f"create table raw{number} as from {_csv_call(shape, packing)}", [literal(target)])
    except duckdb.InvalidInputException as error:
        # Line ends of two kinds in one file stop DuckDB's strict reader; with one kind it reads on.
        if "state machine" not in str(error) or shape.recode or compression == "zstd":
            raise
        csvtext.write_utf8(path, shape.encoding, recoded)
        con.execute(f"create table raw{number} as from {_csv_call(shape, 'none')}", [literal(recoded)])
    return shape


def _load_typed(
    con: "DuckDBPyConnection", paths: list[Path], kind: str, *, paged: bool
) -> tuple[tuple[str, ...], list[str]]:
    """Parquet or JSON, whose columns have types of their own."""
    options = "union_by_name=true, hive_partitioning=false"
    if kind == "json":
        options += ", sample_size=-1, map_inference_threshold=-1, maximum_depth=3"
    files = [literal(path) for path in paths]
    call = f"read_{kind}(?, {options})"
    described = con.execute(f"describe from {call}", [files]).fetchall()
    names, notes = csvtext.unique_names([str(row[0]) for row in described])
    rows = con.execute(f"select count(*) from {call}", [files]).fetchone() or (0,)  # noqa: S608
    if not paged and rows[0] * len(names) > MOST_CELLS:
        raise DataError(
            f"at most {MOST_CELLS:,} cells", f"{rows[0]:,} rows of {len(names):,} columns", "split the file"
        )
    con.execute(f"create table data as from {call}", [files])
    return tuple(str(row[0]) for row in described), notes


def _select(con: "DuckDBPyConnection", query: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Run the user's SELECT into the table ``answer``, with files closed and settings locked."""
    import duckdb

    statements = con.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ArgumentError(
            "one SELECT statement over the table data",
            f"{len(statements)} statements: {query[:100]!r}",
            f"the columns are {', '.join(map(repr, names[:10]))}",
        )
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    con.execute(f"create table answer as {statements[0].query}")
    return tuple(str(row[0]) for row in con.execute("describe answer").fetchall())


def explain(message: str, where: str, query: str | None) -> DataError:
    """Return DuckDB's message in our form: what was expected, what came, what to do."""
    first = message.strip().splitlines()[0][:300]
    line = re.search(r"CSV Error on Line: (\d+)", message)
    if line:
        number = line[1]
        wide = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        original = re.search(r"Original Line: (.*)", message)
        shown = f": {original[1][:60]!r}" if original else ""
        if wide:
            return DataError(
                f"{wide[1]} cells in every line",
                f"{wide[2]} in line {number} of {where}{shown}",
                "correct the line",
            )
        if "unterminated quote" in message:
            return DataError(
                "closed quotes", f"an open quote in line {number} of {where}{shown}", "correct the line"
            )
        if "Maximum line size" in message:
            limit = f"{csvtext.LONGEST_LINE:,} bytes"
            return DataError(
                f"lines of at most {limit}", f"a longer one, line {number} of {where}", "is a quote open?"
            )
        reason = next((text for text in message.splitlines()[2:] if text.strip()), first)
        return DataError(
            "a readable CSV file", f"line {number} of {where}: {reason[:200]}", "correct the line"
        )
    if "No space left" in message or "max_temp_directory_size" in message:
        return DataError(
            f"room for the rows of {where} in a temporary file", first, "free some, or set TMPDIR"
        )
    if "GZIP" in message or "ZSTD" in message.upper():
        return DataError("a whole compressed file", f"{where}: {first}", "copy it again")
    if query is not None and "Permission" in message:
        return DataError("a query over the table data alone", first, "other files are closed to it")
    if query is not None and "file" not in first.lower():
        return DataError("a query that runs", first, "the table is named data")
    return DataError(f"a readable file {where}", first)
