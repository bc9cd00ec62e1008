"""Writing an artifact: all of it or nothing."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fivefold.artifact.bundle import Bundle
from fivefold.artifact.card import model_card
from fivefold.artifact.layout import (
    CARD,
    FORMAT,
    IGNORED,
    MANIFEST,
    MAX_FILE,
    MAX_FILES,
    MODEL,
    RECORD,
    RESERVED,
    TENSORS,
    VERSION,
    check_file_name,
)
from fivefold.artifact.lock import locked
from fivefold.artifact.manifest import build_manifest
from fivefold.artifact.recognise import is_artifact
from fivefold.artifact.registry import is_kind
from fivefold.artifact.strict_json import decode, encode
from fivefold.artifact.swap import previous_path, replace_directory
from fivefold.artifact.tensors import encode_tensors
from fivefold.artifact.version import library_version
from fivefold.core import ArgumentError, ArtifactError

_CHUNK = 1 << 26
_STALE_AFTER = 60.0  # seconds
_LONGEST_NAME = 255  # bytes, of every file system in common use


def save(directory: str | os.PathLike[str], bundle: Bundle, overwrite: bool = False) -> Path:
    """Write an artifact so that its name stands for the old one or the whole new one, and for nothing else.

    Everything is written and flushed to disk in a temporary directory beside the final one, the manifest
    last, and then renamed. A full disk, a lost permission, an interrupt or a kill leaves what was there
    before.

    Args:
        directory: The final name. Missing parents are made. An empty directory is filled; through a link,
            what it points at is replaced.
        bundle: What to write.
        overwrite: Replace an artifact of that name. Anything else of that name, and an artifact to which
            files were added, is never replaced.

    Returns:
        The directory.

    Raises:
        ArgumentError: The bundle holds what the format cannot store.
        ArtifactError: Something of that name may not be replaced, or the disk refused.

    >>> import tempfile, numpy as np
    >>> from fivefold.artifact import load
    >>> with tempfile.TemporaryDirectory() as place:
    ...     path = save(Path(place) / "a", Bundle("demo", {"b": 1}, {"w": np.ones(2)}))
    ...     load(path).config
    {'b': 1}
    """
    files = _encode(bundle)
    target = Path(os.path.realpath(directory))
    check_target(target, overwrite)
    made: list[Path] = []
    temporary = _temporary_name(target)
    try:
        for parent in reversed([target.parent, *target.parent.parents]):
            if not parent.exists():
                parent.mkdir(exist_ok=True)
                made.append(parent)
        _restore_previous(target)
        check_target(target, overwrite)
        with _temporary_directory(temporary):
            for name, data in files.items():
                _write_file(temporary / name, data)
            _sync_directory(temporary)
            if overwrite and is_artifact(target):
                replace_directory(temporary, target, is_artifact)
            else:
                # Fails, atomically, where someone else has meanwhile put something there.
                os.rename(temporary, target)  # noqa: PTH104
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            _restore_previous(target)
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise ArtifactError(
                f"a place to write {ascii(str(target))[1:-1]}",
                error.strerror or type(error).__name__,
                "free space or choose another --out; what was there before is untouched",
            ) from error
        raise
    # The artifact is in place; what follows can only fail to tidy up.
    shutil.rmtree(temporary, ignore_errors=True)
    with contextlib.suppress(OSError):
        _sync_directory(target.parent)
    _remove_stale(target)
    return target


def check_target(directory: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Refuse a name under which an artifact may not be written; for asking before a long computation.

    Args:
        directory: The final name.
        overwrite: Whether an artifact of that name may be replaced.

    Raises:
        ArtifactError: Something stands there that is not ours to replace, or nothing can be written there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     check_target(Path(place) / "a")
    """
    target = Path(os.path.realpath(directory))
    shown = ascii(str(target))[1:-1]
    _check_place(target, shown)
    if not os.path.lexists(target):
        return
    if target.is_dir() and not any(target.iterdir()):
        return
    if not is_artifact(target):
        raise ArtifactError(
            f"a free name or an artifact of ours at {shown}",
            "something else, or an artifact to which files were added",
            "choose another name; nothing was changed",
        )
    if not overwrite:
        raise ArtifactError(f"a free name at {shown}", "an artifact", "choose another name or overwrite it")


def _check_place(target: Path, shown: str) -> None:
    """Refuse a place that cannot be written, so that no long computation is lost to it."""
    parent = target.parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if is_artifact(parent):
        raise ArtifactError(
            f"a place outside a saved model for {shown}",
            "one inside of it",
            "choose another --out; a saved model holds its own files alone",
        )
    reason = None
    if not parent.is_dir():
        reason = os.strerror(errno.ENOTDIR)
    elif not os.access(parent, os.W_OK | os.X_OK):
        reason = os.strerror(errno.EACCES)
    elif max(len(os.fsencode(part)) for part in _temporary_name(target).parts) > _LONGEST_NAME:
        reason = os.strerror(errno.ENAMETOOLONG)
    else:
        try:  # what permissions say is not all: some file systems take no folders
            os.rmdir(tempfile.mkdtemp(prefix=".fivefold-", dir=parent))  # noqa: PTH106
        except OSError as error:
            reason = error.strerror or type(error).__name__
    if reason is not None:
        raise ArtifactError(
            f"a place to write {shown[:300]}", reason, "choose another --out; nothing was changed"
        )


def _encode(bundle: Bundle) -> dict[str, bytes]:
    """Every file but nothing on disk yet, the manifest last."""
    if not is_kind(bundle.kind):
        raise ArgumentError("a lower-case name as kind", ascii(bundle.kind)[:80], "rename it")
    for name, data in bundle.files.items():
        try:
            check_file_name(name)
        except ArtifactError as error:
            raise ArgumentError(error.expected, error.got, "rename it") from error
        if name in RESERVED or name in IGNORED:
            raise ArgumentError(f"another name than {name}", "a name that the format uses", "rename it")
        if not isinstance(data, bytes) or len(data) > MAX_FILE:
            raise ArgumentError(f"at most {MAX_FILE} bytes as {name}", type(data).__name__, "save less")
    if len({name.casefold() for name in bundle.files}) < len(bundle.files):
        raise ArgumentError("names that differ by more than case", "two alike", "rename one")
    if len(bundle.files) > MAX_FILES - 4:
        raise ArgumentError(f"at most {MAX_FILES - 4} files", str(len(bundle.files)), "join some of them")
    version = library_version()
    head = {
        "format": FORMAT,
        "format_version": VERSION,
        "fivefold_version": version,
        "kind": bundle.kind,
        "config": bundle.config,
    }
    files = {MODEL: encode(head, MODEL, MAX_FILE), TENSORS: encode_tensors(bundle.tensors), **bundle.files}
    if CARD not in files:
        record = decode(files[RECORD], RECORD, MAX_FILE) if RECORD in files else None
        files[CARD] = model_card(bundle.kind, version, record).encode("utf-8", "replace")
    return {**files, MANIFEST: build_manifest(files, version)}


def _write_file(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view[:_CHUNK]) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_directory(path: Path) -> None:
    """Make names durable, where the system lets a directory be opened."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems cannot
            raise
    finally:
        os.close(handle)


def _temporary_name(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")


@contextlib.contextmanager
def _temporary_directory(path: Path) -> Iterator[None]:
    """Make a directory and hold a lock on it, by which others see that its writer lives."""
    path.mkdir()
    with locked(path):
        yield


def _restore_previous(target: Path) -> None:
    """Bring back, or clear away, what a writer left aside that was stopped between two renames."""
    backup = previous_path(target)
    if is_artifact(backup):
        if os.path.lexists(target):
            old = _temporary_name(target)
            os.rename(backup, old)  # noqa: PTH104
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(backup, target)  # noqa: PTH104


def _remove_stale(target: Path) -> None:
    """Delete what killed writers of this name left behind; a living writer holds a lock."""
    with contextlib.suppress(OSError):
        pattern = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{16}\.part")
        for path in target.parent.iterdir():
            if pattern.fullmatch(path.name) is None or not stat.S_ISDIR(path.lstat().st_mode):
                continue
            if time.time() - path.lstat().st_mtime < _STALE_AFTER:
                continue  # it may not have taken its lock yet
            with locked(path) as held:
                if held:
                    shutil.rmtree(path, ignore_errors=True)
