"""Operations to be made again, on their way from the child to the parent: as files of the system's temporary
folder, since they are too large for a pipe.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fivefold.artifact.plain_file import read_plain_file
from fivefold.core import FivefoldError
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.replay import MOST_FILE, SUFFIX, from_bytes, to_bytes

PREFIX = "fivefold-"
MOST = 8


class Replays:
    """The child's side: writes each replay once."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}

    def paths(self, records: Iterable[Record]) -> list[str]:
        """Write what is new, and return where all of it lies; what cannot be written is left out.

        Args:
            records: What was seen, a training each.
        """
        for record in list(records)[:MOST]:
            found = record.nonfinite
            if found is None or found.replay is None or id(record) in self._paths:
                continue
            self._paths[id(record)] = ""
            with suppress(FivefoldError, OSError):
                data = to_bytes(found.replay)
                number, path = tempfile.mkstemp(SUFFIX, PREFIX)
                with os.fdopen(number, "wb") as file:
                    file.write(data)
                self._paths[id(record)] = path
        return [path for path in self._paths.values() if path]


def is_ours(path: str) -> bool:
    """Whether a path is that of a replay on its way.

    >>> is_ours("/tmp/fivefold-abc.replay.safetensors"), is_ours("/tmp/model.safetensors")
    (True, False)
    """
    name = Path(path).name
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


def take(paths: Any) -> dict[str, bytes]:
    """The parent's side: read the files by the names under which they are kept, and remove them.

    Args:
        paths: Where they lie, as the child told; what is no replay is left alone.
    """
    kept: dict[str, bytes] = {}
    for path in (paths if isinstance(paths, Sequence) else [])[:MOST]:
        if not isinstance(path, str) or not is_ours(path):
            continue
        with suppress(FivefoldError, OSError):
            data = read_plain_file(Path(path), MOST_FILE)
            name = free(f"update-{from_bytes(data).batch}", kept)
            kept[name] = data
            Path(path).unlink()
    return kept


def free(stem: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken.

    >>> free("update-3", ["update-3.replay.safetensors"])
    'update-3-2.replay.safetensors'
    """
    known = set(taken)
    names = (f"{stem}{SUFFIX}" if i == 1 else f"{stem}-{i}{SUFFIX}" for i in range(1, MOST + 2))
    return next(name for name in names if name not in known)
