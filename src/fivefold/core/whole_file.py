"""A file that appears when it is whole."""

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file beside its place, flush it to disk and rename it: what was there stays until then.

    Args:
        path: The file; it is replaced. Its folder must be there.
        data: What it holds.

    Returns:
        The path.

    Raises:
        OSError: It cannot be written there; nothing is left behind, and what was there before is untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", b"abc").read_bytes(), len(list(Path(folder).iterdir()))
    (b'abc', 1)
    """
    place = Path(path)
    part = place.with_name(f".fivefold-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return place
