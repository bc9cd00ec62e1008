"""Predictions as CSV: streamed, whole or absent as a file, and harmless in a spreadsheet."""

import contextlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from fivefold.artifact.recognise import is_artifact
from fivefold.core import ArgumentError

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def text_cell(text: str) -> str:
    r"""Return text as one CSV cell (RFC 4180) that no spreadsheet takes for a formula.

    A text that begins with ``= + - @``, tab, carriage return, line feed or NUL gets a leading apostrophe
    (OWASP ASVS 5.0, 1.2.10). A text that is a plain number, such as the class ``-1``, is none of these and
    stays.

    >>> print(text_cell("=1+1"), text_cell('a "b" c'), text_cell("-1"), text_cell("-1+A1"))
    '=1+1 "a ""b"" c" -1 '-1+A1
    """
    if text.startswith(_DANGEROUS) and _NUMBER.fullmatch(text) is None:
        text = "'" + text
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '""') + '"'
    # A lone surrogate, from a file in a broken encoding, cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def cells(column: np.ndarray | Sequence[object]) -> list[str]:
    """Return a column as CSV cells: numbers in the fewest digits that read back the same, missing as nothing.

    Args:
        column: Numbers, booleans, text, ``None``, or a mixture; shape [n].

    >>> cells(np.array([0.1, np.nan, -2.0])), cells(["=x", None, 3])
    (['0.1', '', '-2.0'], ["'=x", '', '3'])
    """
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        texts = [*map(repr, column.tolist())]
        for row in np.flatnonzero(np.isnan(column)):
            texts[row] = ""
        return texts
    return [_cell(value) for value in column]


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value)
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | float | np.integer | np.floating):
        return str(value)
    return text_cell(str(value))


class TextSink:
    """Where text goes: standard output as it comes, or a file that appears when it is whole.

    A file is written beside its final name, flushed to disk and renamed when the block ends without an error;
    otherwise it is removed and what was there stays. A device or pipe (``/dev/stdout``, a named pipe) is
    written to directly.

    Args:
        path: The file; ``None`` or ``"-"`` for standard output.

    Raises:
        ArgumentError: The file cannot be written, or lies in a saved model, whose manifest lists every file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "out.txt"
    ...     with TextSink(file) as sink:
    ...         sink.write("a")
    ...         existed = file.exists()
    ...     existed, file.read_text()
    (False, 'a')
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._target = None if path is None or str(path) == "-" else Path(os.path.realpath(path))
        self._temporary: Path | None = None
        self._stream = sys.stdout

    def __enter__(self) -> Self:
        if self._target is None:
            return self
        if is_artifact(self._target.parent):
            raise ArgumentError(
                "a file outside a saved model",
                ascii(str(self._target))[1:-1],
                "choose another --out; a saved model holds its own files alone",
            )
        try:
            try:
                mode = self._target.stat().st_mode
            except FileNotFoundError:
                mode = stat.S_IFREG
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(21, os.strerror(21))
            name = self._target
            if stat.S_ISREG(mode):
                self._temporary = name = name.with_name(f".{name.name}.{secrets.token_hex(8)}.part")
            # No newline translation: the caller's line ends are what the file holds.
            self._stream = name.open("w", encoding="utf-8", newline="")
        except OSError as error:
            self._temporary = None
            raise self._refused(error) from error
        return self

    def write(self, text: str) -> None:
        """Write text; on standard output it is flushed, so that a reader sees it at once."""
        try:
            self._stream.write(text)
            if self._target is None:
                self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._refused(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._target is None:
            return
        try:
            with self._stream:
                if kind is None:
                    self._stream.flush()
                    if self._temporary is not None:
                        os.fsync(self._stream.fileno())
            if self._temporary is not None and kind is None:
                self._temporary.replace(self._target)
                self._temporary = None
        except OSError as failure:
            if kind is None and not isinstance(failure, BrokenPipeError):
                raise self._refused(failure) from failure
            if kind is None:
                raise
        finally:
            if self._temporary is not None:
                with contextlib.suppress(OSError):
                    self._temporary.unlink()

    def _refused(self, error: OSError) -> ArgumentError:
        place = "standard output" if self._target is None else ascii(str(self._target))[1:-1]
        return ArgumentError(
            f"a place to write {place}",
            error.strerror or type(error).__name__,
            "free space or choose another --out; what was there before is untouched",
        )


class CsvWriter:
    """Rows of CSV into a sink, the header at once.

    Args:
        sink: An entered :class:`TextSink`.
        header: Names of the columns.

    Raises:
        ArgumentError: Chunks of another number of columns, or columns of unequal length.

    >>> with TextSink() as sink:
    ...     writer = CsvWriter(sink, ["prediction", "set"])
    ...     writer.write([np.array([1.5, 2.0]), ["a", "=b"]])
    prediction,set
    1.5,a
    2.0,'=b
    """

    def __init__(self, sink: TextSink, header: Iterable[str]) -> None:
        self._sink = sink
        self._names = [text_cell(name) for name in header]
        sink.write(",".join(self._names) + "\n")

    def write(self, columns: Sequence[np.ndarray | Sequence[object]]) -> None:
        """Write a chunk of rows, given as columns of equal length."""
        texts = [cells(column) for column in columns]
        lengths = {len(column) for column in texts}
        if len(texts) != len(self._names) or len(lengths) > 1:
            raise ArgumentError(
                f"{len(self._names)} columns of equal length", f"{len(texts)} of lengths {sorted(lengths)}"
            )
        if lengths == {0} or not lengths:
            return
        self._sink.write("\n".join(map(",".join, zip(*texts, strict=True))) + "\n")
