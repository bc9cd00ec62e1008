"""A folder that a user names: what is in it, what is read of it, and what is refused and why."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fivefold.core import DataError

_IGNORED = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir"}

ROLES = {
    "train": 0,
    "training": 0,
    "test": 1,
    "testing": 1,
    "val": 2,
    "valid": 2,
    "validation": 2,
    "dev": 2,
}
"""Names of folders, arrays and rows by what they are for: 0 training, 1 test, 2 validation."""

_SHOWN = 5


def ignored(name: str) -> bool:
    """Return whether a name is of what systems leave in folders, or begins with a dot.

    >>> ignored("Thumbs.db"), ignored(".git"), ignored("cats")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _IGNORED


def visible(folder: Path) -> list[Path]:
    """Return what is in a folder, in the order of names, without what systems leave there.

    Raises:
        DataError: It may not be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise DataError(
            "a folder that can be read", f"{plain_name(str(folder))!r}, which cannot", "change its mode"
        ) from error
    return [folder / name for name in names if not ignored(name)]


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, without links to folders.

    Raises:
        DataError: It may not be read.
    """
    return [path for path in visible(folder) if path.is_dir() and not path.is_symlink()]


def refused(path: Path, real: Path) -> str | None:
    """Return why a file is not read, or ``None``.

    Args:
        path: The file or link.
        real: The folder that the user named, links resolved: nothing outside of it is read.
    """
    if not path.is_symlink():
        return None if path.is_file() else "it is a pipe, a socket or a device"
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "it is a link that leads nowhere or in a circle"
    if target.is_dir():
        return "it is a link to a folder, which is not followed"
    if not target.is_relative_to(real):
        return "it is a link that leaves the folder"
    return None if target.is_file() else "it is a pipe, a socket or a device"


def files_in(folder: Path, real: Path) -> Iterator[tuple[Path, str | None]]:
    """Give every file and link that lies in a folder itself, and why it is not read where it is not.

    Args:
        folder: Where to look.
        real: As :func:`refused` takes it.

    Raises:
        DataError: The folder may not be read.
    """
    for path in visible(folder):
        if path.is_symlink() or not path.is_dir():
            yield path, refused(path, real)


def files_below(folder: Path, real: Path) -> Iterator[tuple[Path, str | None]]:
    """Give every file below a folder, by name, and why it is not read where it is not; as deep as it goes.

    Args:
        folder: Where to look.
        real: As :func:`refused` takes it.
    """
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path.is_dir() and not path.is_symlink():
            try:
                waiting.extend(reversed(visible(path)))
            except DataError:
                yield path, "it is a folder that cannot be read"
        else:
            yield path, refused(path, real)


def plain_name(name: str) -> str:
    r"""Return a file's name for names and notes: control characters become ``?``.

    Bytes that are no text become U+FFFD.

    >>> plain_name("a\x1b[31m.png")
    'a?[31m.png'
    """
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def some(names: Sequence[str]) -> str:
    """Return the first names, for a note.

    >>> some(list("abcdefg"))
    "'a', 'b', 'c', 'd', 'e' and 2 more"
    """
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
