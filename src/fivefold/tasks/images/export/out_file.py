"""Where an exported file may go, and the file, whole or not at all."""

import os
import re
from pathlib import Path

from fivefold.artifact import is_artifact
from fivefold.core import ArgumentError
from fivefold.core.whole_file import write_whole

ONNX, PAGE = ".onnx", ".html"
"""Endings of what is written."""

_LOOKED_AT = 1 << 18
_PRODUCER = re.compile(rb"\x08[\x00-\x7f]\x12\x08fivefold")
"""How a file of ONNX begins: ir_version, and the producer that every export names."""
_MARKS = (b'<meta name="generator" content="fivefold">', b'<p class="kicker">A model for pictures')


def is_export(path: Path) -> bool:
    r"""Whether a file begins as an export of ours does: a file of ONNX, or a page.

    Args:
        path: Its ending says which of both is looked for.

    Raises:
        OSError: It cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "a.onnx"
    ...     place.write_bytes(b"\x08\x0a\x12\x07pytorch"), is_export(place)
    (11, False)
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if path.suffix.lower() == PAGE:
        return all(mark in start for mark in _MARKS)
    return _PRODUCER.match(start) is not None


def check_place(path: Path, ending: str, *, overwrite: bool = False) -> Path:
    """Return the path without links, where a file may be written; for asking before a long computation.

    Args:
        path: The file; it is not there, or an earlier export.
        ending: That it has, :data:`ONNX` or :data:`PAGE`, in capitals or not.
        overwrite: Whether an earlier export of that name may be replaced. Nothing else ever is.

    Raises:
        ArgumentError: Another ending; something of that name that may not be replaced; a folder that is not
            there or may not be written; a place within a saved model, whose manifest lists every file.

    >>> check_place(Path("model.onnx"), ONNX).name
    'model.onnx'
    """
    place = Path(os.path.realpath(path))
    shown = ascii(str(place))[1:-1]
    if any(is_artifact(folder) for folder in (place, *place.parents)):
        fix = "choose another --out; a saved model holds its own files alone"
        raise ArgumentError("a file outside a saved model", shown, fix)
    if place.is_dir():
        raise ArgumentError(f"a file at {shown}", "a folder", "choose another --out")
    if place.suffix.lower() != ending:
        fix = f"name it {ascii(place.with_suffix(ending).name)[1:-1]}"
        raise ArgumentError(f"a name that ends in {ending}", shown, fix)
    if not place.parent.is_dir() or not os.access(place.parent, os.W_OK | os.X_OK):
        raise ArgumentError(f"a folder that can be written for {shown}", "none", "choose another --out")
    if os.path.lexists(place):
        _check_replaced(place, shown, overwrite)
    return place


def _check_replaced(place: Path, shown: str, overwrite: bool) -> None:
    try:
        ours = is_export(place)
    except OSError:
        ours = False
    if not ours:
        raise ArgumentError(
            f"a free name or an earlier export at {shown}",
            "something else",
            "choose another --out; nothing was changed",
        )
    if not overwrite:
        fix = "choose another --out or --overwrite it"
        raise ArgumentError(f"a free name at {shown}", "an earlier export", fix)


def write_export(path: Path, data: bytes, *, ending: str | None = None, overwrite: bool = False) -> Path:
    """Write a file whole or not at all.

    Args:
        path: The file, with the ending of an export.
        data: What it holds.
        ending: As in :func:`check_place`; the path's own where ``None``.
        overwrite: As in :func:`check_place`.

    Raises:
        ArgumentError: It cannot be written there; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_export(Path(folder) / "a.onnx", b"abc").read_bytes()
    b'abc'
    """
    own = PAGE if path.suffix.lower() == PAGE else ONNX
    place = check_place(path, ending or own, overwrite=overwrite)
    try:
        return write_whole(place, data)
    except OSError as error:
        raise ArgumentError(
            f"a place to write {ascii(str(place))[1:-1]}",
            error.strerror or type(error).__name__,
            "free space or choose another --out; what was there before is untouched",
        ) from error
