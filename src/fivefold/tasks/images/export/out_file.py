"""Where an exported file may go, and the file, whole or not at all."""

import os
from pathlib import Path

from fivefold.artifact import is_artifact
from fivefold.core import ArgumentError
from fivefold.core.whole_file import write_whole


def check_place(path: Path) -> Path:
    """Return the path without links, where a file may be written; for asking before a long computation.

    Raises:
        ArgumentError: A directory, a folder that is not there or may not be written, or a saved model, whose
            manifest lists every file.

    >>> check_place(Path("model.onnx")).name
    'model.onnx'
    """
    place = Path(os.path.realpath(path))
    shown = ascii(str(place))[1:-1]
    if is_artifact(place.parent):
        fix = "choose another --out; a saved model holds its own files alone"
        raise ArgumentError("a file outside a saved model", shown, fix)
    if not place.parent.is_dir() or not os.access(place.parent, os.W_OK | os.X_OK):
        raise ArgumentError(f"a folder that can be written for {shown}", "none", "choose another --out")
    if place.exists() and not place.is_file():
        raise ArgumentError(f"a file at {shown}", "something else", "choose another --out")
    return place


def write_export(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all.

    Args:
        path: The file; it is replaced.
        data: What it holds.

    Raises:
        ArgumentError: It cannot be written there; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_export(Path(folder) / "a", b"abc").read_bytes()
    b'abc'
    """
    place = check_place(path)
    try:
        return write_whole(place, data)
    except OSError as error:
        raise ArgumentError(
            f"a place to write {ascii(str(place))[1:-1]}",
            error.strerror or type(error).__name__,
            "free space or choose another --out; what was there before is untouched",
        ) from error
