"""A lock on a directory, by which another process sees that its user lives."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[bool | None]:
    """Hold a lock on a directory until the end, and tell whether it is held.

    The system lets go of it when the process ends, however it ends.

    Args:
        directory: One that exists.

    Yields:
        ``True``; ``False`` where somebody else holds it; ``None`` where there are no locks (Windows, some
        network file systems) or the directory cannot be opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, locked(Path(name)) as first, locked(Path(name)) as second:
    ...     print(first, second)
    True False
    """
    handle = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            handle = os.open(directory, os.O_RDONLY)
    try:
        yield None if handle is None else _taken(handle)
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)


def _taken(handle: int) -> bool | None:
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
