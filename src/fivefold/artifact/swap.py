"""Putting a finished directory under its final name in one step."""

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # sys/stdio.h of macOS
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def exchange(first: Path, second: Path) -> bool:
    """Swap two names of the same directory in one atomic step.

    ``renameat2(RENAME_EXCHANGE)`` on Linux, ``renamex_np(RENAME_SWAP)`` on macOS.

    Args:
        first: An existing path.
        second: An existing path on the same file system.

    Returns:
        False where the system or the file system has no such call; nothing has changed then.

    Raises:
        OSError: It has, and the swap failed.

    >>> exchange(Path("/nonexistent-a"), Path("/nonexistent-b"))
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    if sys.platform not in {"linux", "darwin"}:
        return False
    library = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(old, new, _RENAME_SWAP)
        else:
            failed = library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_EXCHANGE)
    except AttributeError:  # an older C library
        return False
    if failed:
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            return False
        raise OSError(code, os.strerror(code), str(first), None, str(second))
    return True


def previous_path(target: Path) -> Path:
    """Where the artifact that is being replaced lies for a moment on systems without an atomic swap.

    >>> previous_path(Path("runs/a.fivefold")).name
    '.a.fivefold.previous'
    """
    return target.with_name(f".{target.name}.previous")


def replace_directory(new: Path, target: Path, replaceable: Callable[[Path], bool]) -> None:
    """Put ``new`` in the place of the artifact ``target`` and delete the old one.

    With an atomic swap ``target`` names the old or the new artifact at every moment. Without one there is a
    moment between two renames in which the old one lies whole at :func:`previous_path`, where reading and the
    next writing find it; an error in that moment puts it back.

    Args:
        new: A finished directory beside ``target``.
        target: The directory to replace.
        replaceable: Whether a directory may be deleted; asked again once the old one has left its name, for
            it may have become another since the caller looked.

    Raises:
        OSError: The names could not be changed, or what stood there may not be deleted; ``target`` is then as
            it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     new, old = Path(place) / "new", Path(place) / "old"
    ...     new.mkdir(); old.mkdir(); _ = (new / "a").write_text("new")
    ...     replace_directory(new, old, lambda path: True)
    ...     (old / "a").read_text(), new.exists()
    ('new', False)
    """
    if exchange(new, target):
        if not replaceable(new):
            exchange(new, target)
            raise FileExistsError(errno.EEXIST, "something else took that name", str(target))
        shutil.rmtree(new, ignore_errors=True)
        return
    backup = previous_path(target)
    os.rename(target, backup)  # noqa: PTH104
    try:
        os.rename(new, target)  # noqa: PTH104
    except BaseException:
        with contextlib.suppress(OSError):
            os.rename(backup, target)  # noqa: PTH104
        raise
    # Under the backup's name there is a whole artifact or nothing, so it is deleted under another.
    os.rename(backup, new)  # noqa: PTH104
    shutil.rmtree(new, ignore_errors=True)
