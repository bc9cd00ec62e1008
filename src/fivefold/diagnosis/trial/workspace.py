"""A copy of the folders that a script works in, so that a trial writes nothing of the user's."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fivefold.core import DataError

LARGEST_FILE = 8 << 20
"""Bytes up to which a file is copied; larger ones that the script did not write are linked."""

LARGEST_COPY = 512 << 20
"""Bytes copied in all."""

MOST_ENTRIES = 5_000
"""Files and folders that are made; folders beyond are linked whole."""

NOT_NEEDED = {".git", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
OWN_FILES = ("/.cache/", "/.config/", "/.local/", "/.triton/", "/.nv/")
"""Parts of paths of what libraries write for themselves."""

PREFIX = "fivefold-trial-"
"""How the folders of trials begin, which are never copied into each other."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A copy of a script's folder and of the folder that it is run in.

    Attributes:
        script: The copy of the script.
        folder: The copy of the working folder.
        home: The copy of the script's folder.
        temporary: An empty folder for temporary files.
    """

    script: Path
    folder: Path
    home: Path
    temporary: Path


def copy_folders(script: Path, folder: Path, into: Path, written: Iterable[str] = ()) -> Workspace:
    """Copy what a script works in; large files that it only reads become links.

    Args:
        script: The script.
        folder: The folder that it is run in.
        into: An empty folder.
        written: What it wrote when it was run: never linked.

    Raises:
        DataError: It writes outside of both folders, so that a trial would write there too.
    """
    script, folder = script.resolve(), folder.resolve()
    home = script.parent
    places = [Path(os.path.realpath(each)) for each in written]
    _refuse_outside(places, (folder, home))
    if home.is_relative_to(folder):
        roots = {folder: into / "work"}
    elif folder.is_relative_to(home):
        roots = {home: into / "work"}
    else:
        roots = {folder: into / "work", home: into / "script"}
    copier = _Copier(
        into.resolve(), {p for place in places for p in (place, *place.parents)}, {script, folder, home}
    )
    for source, target in roots.items():
        copier.fill(source, target)

    def there(path: Path) -> Path:
        root = next(r for r in roots if path.is_relative_to(r))
        return roots[root] / path.relative_to(root)

    temporary = into / "tmp"
    temporary.mkdir()
    return Workspace(there(script), there(folder), there(home), temporary)


def _refuse_outside(places: list[Path], inside: tuple[Path, ...]) -> None:
    import tempfile

    temporary = Path(tempfile.gettempdir()).resolve()
    for place in places:
        known = any(place.is_relative_to(root) for root in (*inside, temporary))
        if not known and not any(part in str(place) for part in OWN_FILES):
            raise DataError(
                "a script that writes into its own folder or the one it is run in",
                f"it wrote {str(place)!a}",
                "a trial would write there too: let an argument name the place, and give one of these "
                "folders",
            )


class _Copier:
    def __init__(self, into: Path, written: set[Path], needed: set[Path]) -> None:
        self._into = into
        self._written = written
        self._needed = needed | {p for each in needed for p in each.parents}
        self._bytes = 0
        self._entries = 0

    def fill(self, source: Path, target: Path) -> None:
        """Make a folder with the entries of another."""
        target.mkdir(parents=True, exist_ok=True)
        try:
            entries = sorted(os.scandir(source), key=lambda e: (e.is_dir(follow_symlinks=False), e.name))
        except OSError as error:
            raise DataError(
                "a folder that can be copied for a trial",
                f"{error.strerror or type(error).__name__}: {str(source)!a}",
                "make it readable, or run the script in a folder of its own",
            ) from error
        for entry in entries:
            path, to = Path(entry.path), target / entry.name
            if entry.name in NOT_NEEDED or entry.name.startswith(PREFIX) or path == self._into:
                continue
            kept = path in self._written or path in self._needed
            self._entries += 1
            if entry.is_dir(follow_symlinks=False):
                few = self._entries + _count(path, MOST_ENTRIES) <= MOST_ENTRIES
                if kept or few:
                    self.fill(path, to)
                else:
                    to.symlink_to(path)
            elif entry.is_file():
                self._file(path, to, kept, entry.stat().st_size)

    def _file(self, path: Path, to: Path, kept: bool, size: int) -> None:
        self._entries += 1
        fits = size <= LARGEST_FILE and self._bytes + size <= LARGEST_COPY and self._entries <= MOST_ENTRIES
        if not (kept or fits):
            to.symlink_to(path.resolve())
            return
        try:
            shutil.copy2(path, to)
        except OSError:
            to.symlink_to(path.resolve())  # what cannot be read cannot be changed either
            return
        self._bytes += size


def _count(folder: Path, most: int) -> int:
    """Entries below a folder, counted to a bound."""
    found = 0
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_NEEDED]
        found += len(folders) + len(names)
        if found > most:
            break
    return found
