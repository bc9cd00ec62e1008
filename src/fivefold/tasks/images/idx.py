"""IDX files, as MNIST and Fashion-MNIST come: pictures in one file, labels in another, plain or gzip.

The format (Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits"): two zero bytes, a
byte for the type (8: one unsigned byte), a byte for the number of dimensions, each dimension as four bytes,
the greatest first, then the numbers.
"""

import gzip
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.folders import plain_name
from fivefold.tasks.images.limits import MOST_PACKED, Limits
from fivefold.tasks.images.packed import Part

_NAME = re.compile(r"(?P<stem>.*?)(?P<role>images|labels)[-.]?idx[1-4]-ubyte(?P<gz>\.gz)?", re.I)
_AGAIN = "download it again"
_CHUNK = 1 << 24


def idx_role(name: str) -> tuple[str, str] | None:
    """The set and the role that a file's name says, or ``None``.

    >>> idx_role("train-images-idx3-ubyte.gz"), idx_role("t10k-labels.idx1-ubyte"), idx_role("a.png")
    (('train', 'images'), ('t10k', 'labels'), None)
    """
    match = _NAME.fullmatch(name)
    return None if match is None else (match["stem"].strip("-._").lower(), match["role"].lower())


def is_idx(start: bytes) -> bool:
    r"""Whether a file that begins so is an IDX file of bytes.

    >>> is_idx(b"\x00\x00\x08\x03"), is_idx(b"PK\x03\x04")
    (True, False)
    """
    return len(start) >= 4 and start[:3] == b"\x00\x00\x08" and 1 <= start[3] <= 4


def read_idx(path: Path, limits: Limits) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzip; what it announces is checked before memory is taken.

    Raises:
        DataError: Not such a file, of another length than it announces, too large, or damaged.
    """
    name = plain_name(path.name)
    try:
        size = path.stat().st_size
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            if not packed:
                return _read(plain, name, size, limits)
            with gzip.open(plain) as stream:
                return _read(stream, name, size * MOST_PACKED, limits)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError("a whole gzip file", f"{name!r}, which ends early or is damaged", _AGAIN) from error
    except OSError as error:
        raise DataError(f"a readable file {name!r}", "one that cannot be read", "look at its mode") from error


def _read(stream: "IO[bytes] | gzip.GzipFile", name: str, room: int, limits: Limits) -> NDArray[np.uint8]:
    head = stream.read(4)
    if not is_idx(head):
        raise DataError(
            "an IDX file of unsigned bytes, which begins with 00 00 08",
            f"{head.hex(' ')} in {name!r}",
            _AGAIN,
        )
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError("a whole IDX file", f"{name!r}, which ends in its header", _AGAIN)
    shape = tuple(int(d) for d in np.frombuffer(sizes, dtype=">u4"))
    total = 1
    for d in shape:
        total *= d
    if total == 0:
        raise DataError("an IDX file with something in it", f"dimensions {_times(shape)} in {name!r}")
    if total > limits.array:
        raise DataError(
            f"at most {limits.array:,} bytes of pictures",
            f"{name!r}, which announces {total:,}",
            "raise the limit",
        )
    if total > room:
        raise DataError(
            f"{total:,} bytes, as {name!r} announces ({_times(shape)})",
            "a file that cannot hold them",
            _AGAIN,
        )
    if shape[0] > limits.files:
        raise DataError(
            f"at most {limits.files:,} pictures", f"{name!r}, which announces {shape[0]:,}", "raise the limit"
        )
    out = np.empty(total, dtype=np.uint8)
    filled = 0
    while filled < total:
        part = stream.read(min(_CHUNK, total - filled))
        if not part:
            raise DataError(
                f"{total:,} bytes, as {name!r} announces ({_times(shape)})", f"{filled:,}", _AGAIN
            )
        out[filled : filled + len(part)] = np.frombuffer(part, dtype=np.uint8)
        filled += len(part)
    if stream.read(1):
        raise DataError(f"{total:,} bytes, as {name!r} announces ({_times(shape)})", "more", _AGAIN)
    return out.reshape(shape)


def idx_parts(paths: list[Path], limits: Limits, *, labelled: bool) -> list[Part]:
    """Read the IDX files of one folder: for each set its pictures and, where wanted, their labels.

    Args:
        paths: Files whose names say a role; where a set is there plain and as gzip, the plain one is read.
        limits: Bounds; that of arrays is for all files together.
        labelled: Labels are wanted.

    Raises:
        DataError: No pictures, more sets than one for training and one for test, labels missing or of
            another number, files that cannot be read.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(paths, key=lambda path: path.name.lower().endswith(".gz")):
        role = idx_role(path.name)
        if role is not None:
            found.setdefault(role, path)
    stems = sorted((stem for stem, role in found if role == "images"), key=_given)
    if not stems:
        raise DataError("an IDX file of pictures", "files of labels alone", "add train-images-idx3-ubyte")
    roles = [_given(stem) for stem in stems]
    if len(set(roles)) < len(roles) or (len(roles) > 1 and -1 in roles):
        raise DataError(
            "one set for training and one for test",
            f"the sets {', '.join(repr(plain_name(stem)) for stem in stems)}",
            "put one set into a folder of its own",
        )
    parts = []
    for stem in stems:
        path = found[stem, "images"]
        pictures = read_idx(path, limits)
        limits = _less(limits, pictures.nbytes)
        name = re.sub(r"\.gz$", "", plain_name(path.name), flags=re.I)
        if pictures.ndim not in {3, 4} or (pictures.ndim == 4 and pictures.shape[3] != 3):
            raise DataError("pictures with 3 dimensions", f"{_times(pictures.shape)} in {name!r}")
        labels = _labels(found.get((stem, "labels")), name, len(pictures), limits) if labelled else None
        limits = _less(limits, 0 if labels is None else len(labels))
        given = _given(stem) if len(stems) > 1 else -1
        parts.append(Part(name, pictures, labels, given))
    return parts


def _less(limits: Limits, read: int) -> Limits:
    """What may still be read."""
    return replace(limits, array=max(limits.array - read, 1))


def _labels(path: Path | None, name: str, n: int, limits: Limits) -> NDArray[np.str_]:
    if path is None:
        labels = name.lower().replace("images", "labels").replace("idx3", "idx1")
        raise DataError(f"the labels of {name!r}", "none beside it", f"add {labels}")
    codes = read_idx(path, limits)
    if codes.shape != (n,):
        raise DataError(
            f"{n:,} labels, one for each picture of {name!r}",
            f"{_times(codes.shape)} in {plain_name(path.name)!r}",
        )
    return codes.astype(np.str_)


def _given(stem: str) -> int:
    """0 for training, 1 for test, -1 where the name says neither.

    >>> _given("emnist-letters-train"), _given("t10k"), _given("")
    (0, 1, -1)
    """
    words = set(re.split(r"[-._ ]", stem))
    return 0 if "train" in words else 1 if words & {"t10k", "test"} else -1


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
