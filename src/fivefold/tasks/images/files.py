"""Pictures in files: each is decoded once when the set is read, so that none fails later."""

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.images.decode import (
    Decoded,
    UnreadableError,
    as_array,
    begins_like_a_picture,
    decode,
    has_colour,
    read_bytes,
)
from fivefold.tasks.images.endings import has_picture_ending
from fivefold.tasks.images.image_set import SKETCH, ImageSet, Pixels, usable_threads
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.packed import coded, digest
from fivefold.tasks.rejected import Rejected

T = TypeVar("T")
_LOOK = 32
_LARGE = 1 << 23
"""Bytes of a file from which on pictures are read and decoded one at a time."""
_BLOCK = 16
_SHOWN = 5
_CUT = 2.5
_DONE = {
    "turned": "{} {} turned upright, as EXIF says.",
    "alpha": "{0} had transparent pixels, which were laid over white.",
    "deep": "{0} had grey of more than 8 bits, which was stretched over the picture's own range.",
    "cmyk": "{0} had colours for print (CMYK), which were turned into red, green and blue.",
    "frames": "{0} had several frames, of which the first was taken.",
}


@dataclass(frozen=True)
class Entry:
    """A file that is to be a picture.

    Args:
        name: What it is called in the set.
        path: Where it lies, links resolved.
        label: Its class, ``None`` where unknown.
        given: 0 training, 1 test, -1 unknown.
        refused: Why it is not even opened, ``None`` where it is.
    """

    name: str
    path: Path
    label: str | None = None
    given: int = -1
    refused: str | None = None


@dataclass(frozen=True, eq=False)
class _Look:
    height: int
    width: int
    colour: bool
    done: frozenset[str]
    sketch: NDArray[np.uint8]
    stamp: tuple[int, int]


class FilePixels(Pixels):
    """Pictures in files, decoded when they are asked for.

    Args:
        entries: One a picture.
        sketches: [N, SKETCH, SKETCH].
        stamps: Size and time of change of each file when it was looked at.
        limits: Bounds.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        sketches: NDArray[np.uint8],
        stamps: Sequence[tuple[int, int]],
        limits: Limits,
    ) -> None:
        self._entries, self._sketches, self._stamps, self._limits = entries, sketches, stamps, limits
        self._one_large = threading.RLock()

    def load(
        self, rows: NDArray[np.int64], height: int, width: int, *, colour: bool, threads: int
    ) -> NDArray[np.uint8]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        numbers = rows.tolist()
        out = np.empty((len(numbers), 3 if colour else 1, height, width), dtype=np.uint8)

        def fill(place: int) -> None:
            decoded = self._decoded(numbers[place], (height, width))
            out[place] = as_array(decoded.image, height, width, colour=colour)

        in_order(fill, range(len(numbers)), threads)
        return out

    def sketches(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        return self._sketches[rows]

    def digests(self, rows: NDArray[np.int64]) -> tuple[bytes, ...]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        numbers = rows.tolist()
        return tuple(
            in_order(
                lambda place: digest(np.asarray(self._decoded(numbers[place], None).image)),
                range(len(numbers)),
                usable_threads(),
            )
        )

    def _decoded(self, number: int, least: tuple[int, int] | None) -> Decoded:
        entry = self._entries[number]
        try:
            found = _careful(entry.path, self._limits, least, self._one_large)
            if _stamp(entry.path) != self._stamps[number]:
                raise UnreadableError("it has changed since")
            return found
        except UnreadableError as error:
            raise DataError(
                f"{entry.name!r} as it was when the pictures were read",
                f"that {error}",
                "read the pictures again",
            ) from error


def from_files(
    source: str, entries: Sequence[Entry], rejected: Sequence[Rejected], notes: Sequence[str], limits: Limits
) -> ImageSet:
    """Decode every file once, keep what is a picture, and name the rest.

    Args:
        source: What the user named.
        entries: Files in order.
        rejected: What was left out before.
        notes: What was decided before.
        limits: Bounds.

    Raises:
        DataError: None of the files is a picture.
    """
    lock = threading.RLock()

    def look(place: int) -> _Look | str:
        refused = entries[place].refused
        if refused is not None:
            return refused
        try:
            return _look(entries[place].path, limits, lock)
        except UnreadableError as error:
            return str(error)

    looks = in_order(look, range(len(entries)), usable_threads())
    places = [place for place, found in enumerate(looks) if isinstance(found, _Look)]
    seen = [found for found in looks if isinstance(found, _Look)]
    failed = [
        Rejected(entry.name, found)
        for entry, found in zip(entries, looks, strict=True)
        if isinstance(found, str)
    ]
    out = (*rejected, *failed)
    if not seen:
        raise DataError(f"pictures in {source!r}", listed(out) if out else "none", _fix(out))
    kept = [entries[place] for place in places]
    sizes = np.array([(found.height, found.width) for found in seen], dtype=np.int32)
    classes, labels = _labels(kept)
    sketches = np.stack([found.sketch for found in seen])
    return ImageSet(
        source=source,
        names=tuple(entry.name for entry in kept),
        classes=classes,
        labels=labels,
        sizes=sizes,
        colour=any(found.colour for found in seen),
        given=np.array([entry.given for entry in kept], dtype=np.int8),
        rejected=out,
        notes=(*notes, *_notes(seen, sizes)),
        pixels=FilePixels(kept, sketches, [found.stamp for found in seen], limits),
        origin=np.arange(len(kept)),
        asked=tuple(entry.name for entry in entries),
        places=np.array(places, dtype=np.int64),
    )


def in_order(work: Callable[[int], T], numbers: Sequence[int], threads: int) -> list[T]:
    """Do the work for each number, in several threads, and return the results in order.

    Warnings of the decoder are ignored meanwhile: a picture is readable or it is not.

    >>> in_order(lambda i: i * i, range(4), threads=2)
    [0, 1, 4, 9]
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if threads == 1 or len(numbers) <= _BLOCK:
            return [work(number) for number in numbers]
        blocks = [numbers[start : start + _BLOCK] for start in range(0, len(numbers), _BLOCK)]
        pool = ThreadPoolExecutor(threads)
        try:
            done = pool.map(lambda block: [work(number) for number in block], blocks)
            return [result for block in done for result in block]
        finally:
            pool.shutdown(cancel_futures=True)


def listed(rejected: Sequence[Rejected]) -> str:
    """The first of the files that were left out, with their reasons.

    >>> listed([Rejected("a.jpg", "it is truncated")])
    '1 file was left out: a.jpg (it is truncated)'
    """
    shown = [f"{each.name[-80:]} ({each.reason})" for each in rejected[:_SHOWN]]
    more = [f"{len(rejected) - _SHOWN:,} more"] if len(rejected) > _SHOWN else []
    count = f"{len(rejected):,} files were" if len(rejected) != 1 else "1 file was"
    return f"{count} left out: {', '.join([*shown, *more])}"


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change of a file, by which a change is seen; of one that is gone the reader speaks."""
    try:
        status = path.lstat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _careful(
    path: Path, limits: Limits, least: tuple[int, int] | None, one_large: AbstractContextManager[object]
) -> Decoded:
    """Read and decode a file; what is large as a file or as a picture waits for its turn."""
    try:
        large = path.lstat().st_size >= _LARGE
    except OSError:
        large = False
    with one_large if large else nullcontext():
        return decode(read_bytes(path, limits), limits, least, one_large)


def _look(path: Path, limits: Limits, one_large: AbstractContextManager[object]) -> _Look:
    """Decode a file far enough to know that all of it can be, at a small size where the format allows it."""
    from PIL import Image

    if not has_picture_ending(path.name) and not begins_like_a_picture(path):
        raise UnreadableError("it is no picture")
    stamp = _stamp(path)
    found = _careful(path, limits, (_LOOK, _LOOK), one_large)
    small = found.image.resize((SKETCH, SKETCH), Image.Resampling.BILINEAR, reducing_gap=3.0)
    colour = False
    if small.mode == "RGB":
        coarse = found.image
        if max(coarse.size) > 2 * _LOOK:
            coarse = coarse.resize((_LOOK, _LOOK), Image.Resampling.BILINEAR, reducing_gap=3.0)
        colour = has_colour(np.asarray(coarse))
    sketch = as_array(small, SKETCH, SKETCH, colour=False)[0]
    return _Look(found.height, found.width, colour, found.done, sketch, stamp)


def _labels(entries: Sequence[Entry]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    known = np.array([entry.label is not None for entry in entries])
    labels = np.full(len(entries), -1, dtype=np.int64)
    if not known.any():
        return (), labels
    classes, codes = coded(np.array([entry.label for entry in entries if entry.label is not None]))
    labels[known] = codes
    return classes, labels


def _notes(seen: Sequence[_Look], sizes: NDArray[np.int32]) -> list[str]:
    notes = []
    count = Counter(what for found in seen for what in found.done)
    for what, text in _DONE.items():
        if count[what]:
            which = f"{count[what]:,} pictures" if count[what] > 1 else "1 picture"
            notes.append(text.format(which, "were" if count[what] > 1 else "was"))
    shape = np.log(sizes[:, 1] / sizes[:, 0])
    long = int((np.abs(shape - np.median(shape)) > np.log(_CUT)).sum())
    if long:
        which = f"{long:,} pictures are" if long > 1 else "1 picture is"
        notes.append(f"{which} far longer or wider than the others: only the middle is used.")
    colours = sum(found.colour for found in seen)
    if 0 < colours < 0.05 * len(seen):
        notes.append(f"Only {colours:,} of {len(seen):,} pictures have colour: all are read in colour.")
    return notes


def _fix(rejected: Sequence[Rejected]) -> str:
    return "look at these files" if rejected else "name a folder of pictures"
