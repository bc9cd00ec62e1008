"""The outside of a CSV file: its encoding, its delimiter, its header. The cells are DuckDB's to read."""

import codecs
import gzip
import io
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fivefold.core import DataError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 1 << 21
LONGEST_LINE = 16_000_000
MOST_COLUMNS = 20_000
LARGEST_RECODED = 1 << 31
_CHUNK = 1 << 20


@dataclass(frozen=True)
class CsvShape:
    """How a file is written.

    Attributes:
        names: Column names, made unique.
        delimiter: One of comma, semicolon, tab and bar.
        encoding: A Python codec.
        recode: The file must be rewritten as UTF-8 before DuckDB reads it.
        notes: What had to be decided.
    """

    names: tuple[str, ...]
    delimiter: str
    encoding: str
    recode: bool
    notes: tuple[str, ...]


def compression_of(path: Path) -> str:
    """``"gzip"``, ``"zstd"`` or ``"none"``, from the first bytes and not from the name."""
    with path.open("rb") as file:
        magic = file.read(4)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else "none"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading bytes, those within where it is a gzip file."""
    return gzip.open(path, "rb") if compression_of(path) == "gzip" else path.open("rb")  # type: ignore[return-value]


def inspect_csv(path: Path, sample: str | None = None) -> CsvShape:
    """Find a file's encoding, delimiter and column names.

    Args:
        path: A text file, plain or gzip.
        sample: The decoded beginning, where the caller has it (zstd); then the encoding is taken as UTF-8.

    Raises:
        DataError: Empty, binary, truncated gzip, no header, or another delimiter.
    """
    notes: list[str] = []
    encoding, recode = "utf-8-sig", False
    if sample is None:
        encoding, recode, note = encoding_of(path)
        notes += [note] if note else []
        with open_bytes(path) as file:
            sample = codecs.decode(file.read(SAMPLE), encoding, "ignore")
    sample = sample.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not sample.strip():
        raise DataError("a table", f"no text in {path.name!r}", "the file is empty")
    delimiter = _delimiter(sample, path)
    header = next(iter(_records(sample, delimiter, 1)), [])
    names, more = unique_names([name.strip() for name in header])
    if len(names) > MOST_COLUMNS:
        raise DataError(f"at most {MOST_COLUMNS:,} columns", f"{len(names):,} in {path.name!r}")
    if len(names) > 1 and all(re.fullmatch(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", name) for name in header):
        raise DataError(
            "column names in the first line",
            f"numbers in {path.name!r}: {', '.join(header[:5])}",
            "add a header line",
        )
    return CsvShape(names, delimiter, encoding, recode, (*notes, *more))


def unique_names(names: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names made unique without regard to case (as SQL compares them), and notes on what was renamed.

    >>> unique_names(["x", "X", ""])[0]
    ('x', 'X_1', 'column2')
    """
    used = {name.lower() for name in names}
    seen: set[str] = set()
    out, notes = [], []
    for place, name in enumerate(names):
        stem, chosen, count = name or f"column{place}", name or f"column{place}", 0
        while chosen.lower() in seen or (chosen != name and chosen.lower() in used):
            count += 1
            chosen = f"{stem}_{count}"
        if chosen != name:
            why = "has no name" if not name else f"is named {name!r} like another one"
            notes.append(f"column {place + 1} {why}: read as {chosen!r}")
        seen.add(chosen.lower())
        out.append(chosen)
    return tuple(out), notes


def write_utf8(path: Path, encoding: str, target: Path) -> None:
    """Rewrite a text file as UTF-8 with line feeds.

    Raises:
        DataError: More than 2 GiB of text, or bytes that are none in this encoding.
    """
    written = 0
    try:
        with (
            open_bytes(path) as raw,
            io.TextIOWrapper(raw, encoding=encoding, newline=None) as text,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while part := text.read(_CHUNK):
                written += len(part)
                if written > LARGEST_RECODED:
                    raise DataError(
                        "at most 2 GiB of text that is not UTF-8", path.name, "save the file as UTF-8"
                    )
                out.write(part)
    except UnicodeError as error:
        raise DataError(f"text in {encoding}", f"{path.name!r}: {error}", "save the file as UTF-8") from error


def encoding_of(path: Path) -> tuple[str, bool, str | None]:
    """The codec of a text file, whether that differs from UTF-8, and a note; the whole file is checked, once.

    Raises:
        DataError: A binary file, or a gzip file that ends early.
    """
    with open_bytes(path) as file:
        try:
            start = file.read(4096)
            if start[:4] in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE}:
                return "utf-32", True, "the file is in UTF-32"
            if start[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
                return "utf-16", True, "the file is in UTF-16"
            if len(start) >= 4 and b"\x00" in start:
                odd, even = start[1::2].count(0), start[::2].count(0)
                half = len(start) // 2
                if odd > 0.6 * half and even < 0.1 * half:
                    return "utf-16-le", True, "the file is in UTF-16 without its mark"
                if even > 0.6 * half and odd < 0.1 * half:
                    return "utf-16-be", True, "the file is in UTF-16 without its mark"
            return _check_utf8(file, start, path)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                "a whole gzip file", f"{path.name!r} that ends early or is damaged: {error}"
            ) from error


def _check_utf8(file: IO[bytes], chunk: bytes, path: Path) -> tuple[str, bool, str | None]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, legal, invalid = 1, True, None
    while chunk:
        if b"\x00" in chunk:
            line = lines + chunk[: chunk.index(b"\x00")].count(b"\n")
            raise DataError(
                "a text file", f"a NUL byte in line {line} of {path.name!r}", "it may be a binary file"
            )
        if invalid is None:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                invalid = (lines + error.object[: error.start].count(b"\n"), error.object[error.start])
        if invalid is not None:
            legal = legal and not re.search(rb"[\x81\x8d\x8f\x90\x9d]", chunk)
        lines += chunk.count(b"\n")
        chunk = file.read(_CHUNK)
    if invalid is None:
        try:
            decoder.decode(b"", final=True)  # a letter that the end of the file cuts short
        except UnicodeDecodeError as error:
            invalid = (lines, error.object[error.start])
            legal = not re.search(rb"[\x81\x8d\x8f\x90\x9d]", error.object)
    if invalid is None:
        return "utf-8-sig", False, None
    codec, name = ("cp1252", "Windows-1252") if legal else ("latin-1", "Latin-1")
    note = (
        f"line {invalid[0]} holds the byte 0x{invalid[1]:02x}, which is not UTF-8: the file is read as {name}"
    )
    return codec, True, note


def _records(text: str, delimiter: str, limit: int) -> list[list[str]]:
    """The first records of a text, without blank lines; quoted fields may hold delimiters and line ends."""
    mark = re.escape(delimiter)
    token = re.compile(rf'(?:[ ]*"((?:[^"]|"")*)"[^{mark}\n]*|([^{mark}\n]*))({mark}|\n|\Z)')
    records: list[list[str]] = []
    row: list[str] = []
    place = 0
    while place <= len(text) and len(records) < limit:
        match = token.match(text, place)
        if match is None:
            break
        row.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        if match[3] != delimiter:
            if row != [""]:
                records.append(row)
            row = []
        if match.end() == place:
            break
        place = match.end()
    return records


def _delimiter(text: str, path: Path) -> str:
    """The delimiter that splits most of the first records into as many fields as the header."""
    tabs = path.name.lower().endswith((".tsv", ".tab"))
    best, chosen = (0.0, False, 0), ","
    for mark in DELIMITERS:
        records = _records(text[:65_536], mark, 100)
        if len(text) > 65_536 and 1 < len(records) < 100:
            records.pop()  # cut in its middle
        width = len(records[0]) if records else 0
        if width > 1:
            same = sum(len(record) == width for record in records) / len(records)
            score = (round(same, 2), tabs and mark == "\t", width)
            if score > best:
                best, chosen = score, mark
    if best[2] > 1:
        return chosen
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    others: tuple[tuple[str | None, str], ...] = ((":", "':'"), ("^", "'^'"), ("~", "'~'"), (None, "spaces"))
    for other, name in others:
        widths = {len(line.split(other)) for line in lines}
        if len(lines) > 1 and len(widths) == 1 and widths.pop() > 1:
            raise DataError(
                "columns separated by a comma, semicolon, tab or bar",
                f"{path.name!r}, whose columns seem to be separated by {name}",
                "save it with commas",
            )
    return chosen
