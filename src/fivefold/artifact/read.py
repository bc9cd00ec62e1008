"""Reading an artifact that is not trusted."""

import hashlib
import os
import stat
from pathlib import Path

from fivefold.artifact.bundle import Bundle
from fivefold.artifact.layout import IGNORED, MANIFEST, MAX_FILE, MAX_MANIFEST, MODEL, TENSORS, size_limit
from fivefold.artifact.manifest import check_version, parse_manifest
from fivefold.artifact.plain_file import read_plain_file
from fivefold.artifact.registry import is_kind
from fivefold.artifact.strict_json import decode
from fivefold.artifact.swap import previous_path
from fivefold.artifact.tensors import decode_tensors
from fivefold.core import ArtifactError

_DAMAGED = "the artifact is damaged; take it from where it was made"
_KEYS = {"format", "format_version", "fivefold_version", "kind", "config"}


def load(directory: str | os.PathLike[str]) -> Bundle:
    """Read an artifact, or refuse it; nothing in it is executed or looked up as code.

    Each file is read once, compared with the manifest (no file missing, none added, size, SHA-256), and only
    then parsed, within bounds. What is returned is data: the kind is a name for a closed
    :class:`~fivefold.artifact.Registry`.

    Args:
        directory: Where :func:`fivefold.artifact.save` wrote it.

    Raises:
        ArtifactError: There is none, it was written by a newer version, or anything in it does not match.

    >>> load("/nonexistent")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a saved model at /nonexistent; got nothing of that name; ...
    """
    path = _locate(Path(directory))
    for _ in range(4):
        before = path.stat().st_ino
        try:
            return _load(path)
        except (ArtifactError, OSError) as error:
            # A writer may have replaced the whole directory while we read; then we look again.
            if path.exists() and path.stat().st_ino != before:
                continue
            if isinstance(error, OSError):
                shown = ascii(str(path))[1:-1]
                raise ArtifactError(
                    f"a readable artifact at {shown}",
                    error.strerror or type(error).__name__,
                    "check its permissions",
                ) from error
            raise
    raise ArtifactError(
        f"an artifact at rest at {path}", "one that is being replaced all the time", "try again"
    )


def _locate(path: Path) -> Path:
    shown = ascii(str(path))[1:-1]
    if not path.exists():
        backup = previous_path(Path(os.path.realpath(path)))
        if backup.exists():  # its writer was killed between two renames
            return backup
        raise ArtifactError(f"a saved model at {shown}", "nothing of that name", "check the path")
    if not path.is_dir():
        raise ArtifactError(f"the directory of a saved model at {shown}", "a file", "name its directory")
    if not os.path.lexists(path / MANIFEST):
        raise ArtifactError(
            f"{MANIFEST} in {shown}",
            "none",
            "this is no saved model, or it was not copied whole; check the path",
        )
    return path


def _load(path: Path) -> Bundle:
    listed = parse_manifest(read_plain_file(path / MANIFEST, MAX_MANIFEST))
    _check_entries(path, set(listed))
    contents: dict[str, bytes] = {}
    for name, (size, digest) in listed.items():
        data = read_plain_file(path / name, size_limit(name), size)
        if hashlib.sha256(data).hexdigest() != digest:
            raise ArtifactError(f"the contents of {name} that {MANIFEST} lists", "others", _DAMAGED)
        contents[name] = data
    head = decode(contents.pop(MODEL), MODEL, MAX_FILE)
    check_version(head, MODEL)
    if set(head) != _KEYS or not isinstance(head["config"], dict):
        raise ArtifactError(f"the keys {', '.join(sorted(_KEYS))} in {MODEL}", "others", _DAMAGED)
    if not is_kind(head["kind"]):
        raise ArtifactError(f"a lower-case name as kind in {MODEL}", ascii(head["kind"])[:80], _DAMAGED)
    tensors = decode_tensors(contents.pop(TENSORS))
    return Bundle(head["kind"], head["config"], tensors, contents)


def _check_entries(path: Path, listed: set[str]) -> None:
    """Compare the directory with the manifest before anything else in it is opened."""
    found: set[str] = set()
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name == MANIFEST or entry.name in IGNORED:
                continue
            shown = ascii(entry.name)[:200]
            if entry.name not in listed:
                raise ArtifactError(
                    f"only the files that {MANIFEST} lists",
                    shown,
                    "move it out of the directory if you put it there",
                )
            if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                raise ArtifactError(
                    "regular files in an artifact", f"{shown} as a link or special file", _DAMAGED
                )
            found.add(entry.name)
    if found != listed:
        missing = ", ".join(sorted(listed - found))
        raise ArtifactError(f"every file that {MANIFEST} lists", f"none named {missing}", _DAMAGED)
