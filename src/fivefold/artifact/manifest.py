"""The manifest: the size and SHA-256 of every other file, written last.

It shows damage and incomplete copies. It does not show who made the artifact: someone who can change a file
can change the manifest too, which is why everything else is checked as if it were hostile.
"""

import hashlib
import re
from typing import Any

from fivefold.artifact.layout import (
    FORMAT,
    IGNORED,
    MANIFEST,
    MAX_FILES,
    MAX_MANIFEST,
    MODEL,
    TENSORS,
    VERSION,
    check_file_name,
    size_limit,
)
from fivefold.artifact.strict_json import decode, encode
from fivefold.core import ArtifactError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_RELEASE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}((a|b|rc|\.dev|\.post)[0-9]{1,6})?")
_KEYS = {"format", "format_version", "fivefold_version", "files"}
_DAMAGED = "the artifact is damaged; take it from where it was made"


def build_manifest(files: dict[str, bytes], library_version: str) -> bytes:
    """Return the manifest of these files.

    Args:
        files: Contents by plain name.
        library_version: The version of fivefold that writes.

    >>> b'"size": 3' in build_manifest({"a.txt": b"abc"}, "1.0")
    True
    """
    listed = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    record = {
        "format": FORMAT,
        "format_version": VERSION,
        "fivefold_version": library_version,
        "files": listed,
    }
    return encode(record, MANIFEST, MAX_MANIFEST)


def check_version(record: Any, what: str) -> None:
    """Refuse a record of another format or of a newer version, and say which version to install.

    Args:
        record: The parsed JSON.
        what: The file it came from.

    Raises:
        ArtifactError: Not ours, or newer than this library reads.

    >>> check_version({"format": FORMAT, "format_version": 1}, "manifest.json")
    """
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ArtifactError(f"a {FORMAT}", f"a {what} of something else", "check the path")
    version = record.get("format_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ArtifactError("a format version of at least 1", ascii(version)[:40], _DAMAGED)
    if version > VERSION:
        writer = record.get("fivefold_version")
        known = isinstance(writer, str) and _RELEASE.fullmatch(writer) is not None
        wanted = f"'fivefold>={writer}'" if known else "--upgrade fivefold"
        raise ArtifactError(
            f"format version {VERSION} or older",
            f"version {version}" + (f", written by fivefold {writer}" if known else ""),
            f"run: pip install {wanted}",
        )


def parse_manifest(data: bytes, *, any_version: bool = False) -> dict[str, tuple[int, str]]:
    """Return the size in bytes and the SHA-256 of every listed file.

    Args:
        data: The bytes of the manifest.
        any_version: Read the list of a newer version as well, as far as it has this form.

    Raises:
        ArtifactError: Not a manifest of ours, newer, or with a name, size or hash that cannot be.

    >>> data = build_manifest({"model.json": b"abc", "tensors.safetensors": b""}, "1.0")
    >>> parse_manifest(data)["model.json"][0]
    3
    """
    record = decode(data, MANIFEST, MAX_MANIFEST)
    if not any_version:
        check_version(record, MANIFEST)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ArtifactError(f"a {FORMAT}", "something else", "check the path")
    files = record.get("files")
    if not isinstance(files, dict) or (set(record) != _KEYS and not any_version):
        raise ArtifactError(f"the keys {', '.join(sorted(_KEYS))} in {MANIFEST}", "others", _DAMAGED)
    if len(files) > MAX_FILES:
        raise ArtifactError(f"at most {MAX_FILES} files", str(len(files)), _DAMAGED)
    listed: dict[str, tuple[int, str]] = {}
    for name, entry in files.items():
        check_file_name(name)
        if name == MANIFEST or name in IGNORED:
            raise ArtifactError(f"no {name} in the list of files", "one", _DAMAGED)
        if not isinstance(entry, dict) or set(entry) != {"size", "sha256"}:
            raise ArtifactError(f"size and sha256 for {name}", ascii(entry)[:80], _DAMAGED)
        size, digest = entry["size"], entry["sha256"]
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= size_limit(name):
            raise ArtifactError(f"a size of 0 to {size_limit(name)} for {name}", ascii(size)[:40], _DAMAGED)
        if not isinstance(digest, str) or _SHA256.fullmatch(digest) is None:
            raise ArtifactError(
                f"a SHA-256 of 64 hexadecimal digits for {name}", ascii(digest)[:80], _DAMAGED
            )
        listed[name] = (size, digest)
    for name in (MODEL, TENSORS):
        if name not in listed and not any_version:
            raise ArtifactError(f"{name} in {MANIFEST}", "none", _DAMAGED)
    return listed
