"""A file that appears when it is whole."""

import os
import secrets
from pathlib import Path

from fivefold.artifact import is_artifact
from fivefold.core import ArgumentError


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


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file beside its place, flush it to disk, and rename it: what was there stays until then.

    Args:
        path: The file; it is replaced.
        data: What it holds.

    Raises:
        ArgumentError: It cannot be written there; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", b"abc").read_bytes(), len(list(Path(folder).iterdir()))
    (b'abc', 1)
    """
    place = check_place(path)
    part = place.with_name(f".{place.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as error:
        raise ArgumentError(
            f"a place to write {ascii(str(place))[1:-1]}",
            error.strerror or type(error).__name__,
            "free space or choose another --out; what was there before is untouched",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return place
