"""Telling an artifact of ours from anything else that a name may point at."""

import os
import stat
from pathlib import Path

from fivefold.artifact.layout import IGNORED, MANIFEST, MAX_MANIFEST
from fivefold.artifact.manifest import parse_manifest
from fivefold.artifact.plain_file import read_plain_file
from fivefold.core import ArtifactError


def is_artifact(directory: str | os.PathLike[str]) -> bool:
    """Whether the directory is an artifact of ours and holds nothing else, so that it may be replaced.

    True only for a real directory (no link) with a manifest of ours in which every entry is a regular file
    that the manifest lists. A file that someone else put there makes this false, so that it is never deleted
    with the rest. Contents are not verified; :func:`fivefold.artifact.load` does that.

    Args:
        directory: Any path.

    >>> is_artifact("/nonexistent")
    False
    """
    path = Path(directory)
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return False
        listed = parse_manifest(read_plain_file(path / MANIFEST, MAX_MANIFEST), any_version=True)
        with os.scandir(path) as entries:
            return all(
                entry.is_file(follow_symlinks=False)
                and (entry.name == MANIFEST or entry.name in IGNORED or entry.name in listed)
                for entry in entries
            )
    except (OSError, ArtifactError):
        return False
