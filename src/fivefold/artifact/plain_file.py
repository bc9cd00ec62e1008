"""Reading one regular file, whole, once, and never more than was announced."""

import os
import stat
from pathlib import Path

from fivefold.core import ArtifactError

# Absent on Windows, where the entry's type is checked through lstat alone.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_plain_file(path: Path, limit: int, size: int | None = None) -> bytes:
    """Read a regular file; no link is followed, no device is opened for reading, no pipe waited for.

    Args:
        path: The file.
        limit: Largest size in bytes that is accepted.
        size: The size in bytes that was announced, where one was.

    Raises:
        ArtifactError: A link, a directory, a pipe, a device, or of another size.
        OSError: It cannot be opened or read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "a"
    ...     _ = file.write_bytes(b"abc")
    ...     read_plain_file(file, 10)
    b'abc'
    """
    fix = "the artifact is damaged; take it from where it was made"
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ArtifactError("regular files in an artifact", f"{path.name} as a link or special file", fix)
    handle = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError("regular files in an artifact", f"{path.name} as a special file", fix)
        if size is not None and status.st_size != size:
            raise ArtifactError(f"{size} bytes in {path.name}", str(status.st_size), fix)
        if status.st_size > limit:
            raise ArtifactError(f"at most {limit} bytes in {path.name}", str(status.st_size), fix)
        with os.fdopen(os.dup(handle), "rb") as stream:
            data = stream.read(status.st_size)
    finally:
        os.close(handle)
    if len(data) != status.st_size:
        raise ArtifactError(f"{status.st_size} bytes in {path.name}", str(len(data)), fix)
    return data
