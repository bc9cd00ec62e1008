"""What changes in a folder while a script runs, also where compiled code writes without telling Python."""

import os
from dataclasses import dataclass, field
from pathlib import Path

MOST_ENTRIES = 20_000
LEFT_OUT = {".git", "__pycache__", "node_modules", ".venv", "venv", ".mypy_cache", ".ruff_cache"}


@dataclass(slots=True)
class Folder:
    """The files below some folders with their sizes and times.

    ``torch.save`` and other compiled writers open files without telling Python, so that only the folder
    shows it.

    Args:
        roots: The folders.

    Attributes:
        files: Path to (bytes, time of the last change in nanoseconds).
        whole: Whether all were looked at; at most 20,000 are.
    """

    roots: tuple[str, ...]
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    whole: bool = True

    @classmethod
    def of(cls, *roots: str | os.PathLike[str]) -> "Folder":
        """Look at the folders now.

        >>> Folder.of("/nonexistent").files
        {}
        """
        found = cls(tuple(dict.fromkeys(str(Path(root).resolve()) for root in roots)))
        for root in found.roots:
            found._walk(root)
        return found

    def _walk(self, root: str) -> None:
        streams = _own_streams()
        for place, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
            for name in names:
                if len(self.files) >= MOST_ENTRIES:
                    self.whole = False
                    return
                path = f"{place}/{name}"
                try:
                    seen = os.lstat(path)
                except OSError:
                    continue
                if (seen.st_dev, seen.st_ino) not in streams:
                    self.files[path] = (seen.st_size, seen.st_mtime_ns)

    def changed(self) -> list[str]:
        """Return what is new or different now, sorted."""
        now = Folder.of(*self.roots)
        return sorted(path for path, seen in now.files.items() if self.files.get(path) != seen)


def _own_streams() -> set[tuple[int, int]]:
    """Files that our own output goes to: they change while the script runs, and it did not name them."""
    found = set()
    for number in (1, 2):
        try:
            seen = os.fstat(number)
        except OSError:
            continue
        found.add((seen.st_dev, seen.st_ino))
    return found
