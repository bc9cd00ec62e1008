"""The journal of a search: a line of JSON for every trial, from which a killed search goes on."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fivefold.artifact.strict_json import decode
from fivefold.core import ArgumentError, ArtifactError
from fivefold.tasks.images.design.trial import Trial

_NAME = "journal.jsonl"
_FORMAT = 2
_LONGEST_LINE = 1 << 20
_LARGEST = 1 << 28


class Journal:
    """Trials in the order in which they were decided, on disk where there is a folder.

    Every line is flushed to disk before the search goes on. A line that a kill cut short is dropped; any
    other damage is refused. One search at a time writes in a folder.

    Args:
        folder: Where; ``None`` keeps nothing.
        identity: What the search is made of, by name; another's journal is refused.

    Raises:
        ArtifactError: The journal is damaged, or another search's.

    >>> Journal(None, {"seed": 0}).trials
    []
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any]) -> None:
        self.trials: list[Trial] = []
        """Those that were read, in order."""
        self._file: Path | None = None
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / _NAME
        lines = _read(self._file)
        if not lines:
            self._append({"format": _FORMAT, "identity": dict(identity)})
            return
        _compare(_identity(lines[0]), json.loads(json.dumps(dict(identity))))
        for number, line in enumerate(lines[1:], start=2):
            try:
                self.trials.append(Trial.from_record(line))
            except ArgumentError as error:
                raise ArtifactError(f"a trial in line {number} of {_NAME}", str(error), _FIX) from error

    def append(self, trial: Trial) -> None:
        """Write a trial; it is on the disk when this returns.

        Raises:
            ArtifactError: The disk refused.
        """
        self._append(trial.to_record())

    def _append(self, record: dict[str, Any]) -> None:
        if self._file is None:
            return
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            with self._file.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            fix = "free space, and start the search again with the same folder"
            raise ArtifactError(f"a place to write {_NAME}", str(error.strerror), fix) from error


_FIX = "take another folder, or delete this one and begin anew"


def read_identity(folder: Path | None) -> dict[str, Any] | None:
    """What the search in a folder is made of; ``None`` where there is none.

    Raises:
        ArtifactError: The journal is damaged.

    >>> read_identity(None) is None
    True
    """
    lines = [] if folder is None else _read(folder / _NAME)
    return _identity(lines[0]) if lines else None


def _read(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; what a kill left of the last one is cut off."""
    if not file.exists():
        return []
    size = file.stat().st_size
    if size > _LARGEST:
        raise ArtifactError(f"at most {_LARGEST} bytes in {_NAME}", str(size), _FIX)
    data = file.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with file.open("r+b") as opened:
            opened.truncate(whole)
    lines = []
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        value = decode(line, f"line {number} of {_NAME}", _LONGEST_LINE)
        if not isinstance(value, dict):
            raise ArtifactError(f"an object in line {number} of {_NAME}", type(value).__name__, _FIX)
        lines.append(value)
    return lines


def _identity(head: dict[str, Any]) -> dict[str, Any]:
    found = head.get("identity")
    if head.get("format") != _FORMAT or not isinstance(found, dict):
        raise ArtifactError(f"a journal of format {_FORMAT}", str(head.get("format")), _FIX)
    return found


def _compare(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in sorted({*found, *wanted}):
        mine, theirs = wanted.get(name), found.get(name)
        if mine != theirs:
            shown = f"{json.dumps(theirs)[:120]} instead of {json.dumps(mine)[:120]}"
            fix = "call design as for the journal, or name another folder"
            raise ArtifactError(f"a journal of a search with the same {name}", shown, fix)
