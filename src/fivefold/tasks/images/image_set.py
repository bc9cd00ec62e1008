"""Pictures as data: names, classes, labels and sizes at once; the pixels on request, in one size."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import require
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.row_numbers import row_numbers

SKETCH = 16
"""Rows and columns of a sketch."""


class Pixels(ABC):
    """Where the pixels of a set lie: in files, or in an array. Pictures are numbered from 0."""

    @abstractmethod
    def load(
        self, rows: NDArray[np.int64], height: int, width: int, *, colour: bool, threads: int
    ) -> NDArray[np.uint8]:
        """The pictures [n, C, height, width] of these numbers [n], in order; C is 3 with colour, else 1."""

    @abstractmethod
    def sketches(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Whole pictures as ``SKETCH`` x ``SKETCH`` grey values, [n, SKETCH, SKETCH]; nothing is cut off."""

    @abstractmethod
    def digests(self, rows: NDArray[np.int64]) -> tuple[bytes, ...]:
        """A digest of each picture's size and decoded pixels: equal for equal ones, however stored."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures with their labels; the pixels stay where they are until :meth:`load` is called.

    Args:
        source: What the user named.
        names: One a picture: ``cats/1.jpg`` relative to the source, or ``train-images-idx3-ubyte 17``.
        classes: The labels, sorted, numbers by value; empty where there are none.
        labels: Codes [N] into ``classes``; -1 where unknown.
        sizes: Height and width [N, 2] in pixels, as seen (after the rotation that EXIF asks for).
        colour: Whether any picture has colour; grey saved in three channels has none.
        given: [N], 0 for training and 1 for test where the source says so, else -1.
        rejected: What was left out, and why.
        notes: What a user should know, one sentence each.
        pixels: Where the pixels lie.
        origin: The number [N] of each picture in ``pixels``.
        asked: Every picture that was asked for, in order, those that were left out included.
        places: Where each picture [N] stands in ``asked``.
        whites: Which numbers were taken as white, of :func:`~fivefold.tasks.images.scale.whites_of`; empty
            where the pictures were no numbers of any scale, but files.

    Raises:
        ArgumentError: Arrays that do not fit together.
    """

    source: str
    names: tuple[str, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int32]
    colour: bool
    given: NDArray[np.int8]
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...]
    pixels: Pixels
    origin: NDArray[np.int64]
    asked: tuple[str, ...]
    places: NDArray[np.int64]
    whites: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.names)
        shapes = (self.labels.shape, self.given.shape, self.origin.shape, self.places.shape)
        fits = all(shape == (n,) for shape in shapes) and self.sizes.shape == (n, 2)
        require(
            fits, f"labels, given, origin and places [{n}] and sizes [{n}, 2]", (*shapes, self.sizes.shape)
        )
        highest = int(self.labels.max(initial=-1))
        require(
            highest < len(self.classes), f"labels below {len(self.classes)}, the number of classes", highest
        )

    def __len__(self) -> int:
        return len(self.names)

    def load(
        self,
        rows: NDArray[np.int64] | None,
        height: int,
        width: int,
        *,
        colour: bool,
        threads: int | None = None,
    ) -> NDArray[np.uint8]:
        """The pictures in one size, as numbers from 0 to 255.

        A picture whose size differs is shrunk or enlarged, by averaging bilinearly over the pixels that fall
        into one (antialiased), until it just covers the box, and its centre is cut out: shapes are not
        distorted and no border is invented; what sticks out of the box is lost. This is how the networks of
        the field are tested (Krizhevsky, Sutskever and Hinton, 2012, section 2; He et al., 2016, section 3.4,
        with 224 of 256 pixels, where this keeps all of the shorter side).

        Args:
            rows: Numbers of pictures [n], repeated ones included; ``None`` for all, in order.
            height: Of the box, in pixels, at least 1.
            width: Of the box.
            colour: Three channels (red, green, blue), else one: luminance 0.299 R + 0.587 G + 0.114 B.
            threads: How many decode at once; ``None`` takes the processor's cores, 8 at most. The result is
                the same for any number.

        Returns:
            [n, 3 or 1, height, width].

        Raises:
            ArgumentError: A row or a size out of range.
            DataError: A file has gone or has changed since it was read.
        """
        require(min(height, width) >= 1, "a height and width of at least 1", (height, width))
        require(threads is None or threads >= 1, "at least 1 thread", threads)
        wanted = row_numbers(rows, len(self), "pictures")
        return self.pixels.load(
            self.origin[wanted], height, width, colour=colour, threads=threads or usable_threads()
        )

    def sketches(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Whole pictures as 16 x 16 grey values, [n, 16, 16]; for comparing, not for looking at."""
        return self.pixels.sketches(self.origin[row_numbers(rows, len(self), "pictures")])

    def digests(self, rows: NDArray[np.int64] | None = None) -> tuple[bytes, ...]:
        """A digest of each picture's size and decoded pixels: equal for equal pictures."""
        return self.pixels.digests(self.origin[row_numbers(rows, len(self), "pictures")])

    def take(self, rows: NDArray[Any]) -> "ImageSet":
        """The pictures of an index array [n] or a boolean mask [N]; classes, rejected files and notes stay.

        Raises:
            ArgumentError: A row out of range, or a mask of another length.
        """
        rows = row_numbers(rows, len(self), "pictures")
        return replace(
            self,
            names=tuple(self.names[row] for row in rows.tolist()),
            labels=self.labels[rows],
            sizes=self.sizes[rows],
            given=self.given[rows],
            origin=self.origin[rows],
            places=self.places[rows],
        )

    def describe(self) -> str:
        """One line: how many pictures, how large, with colour or without, how many classes."""
        n, tests = len(self), int((self.given == 1).sum())
        count = f"{n:,} pictures" if n != 1 else "1 picture"
        if tests:
            count = f"{n - tests:,} training and {tests:,} test pictures"
        parts = [count, *([_extent(self.sizes)] if n else []), "in colour" if self.colour else "grey"]
        if self.classes:
            parts.append(f"{len(self.classes):,} class{'es' if len(self.classes) != 1 else ''}")
        return ", ".join(parts)


def _extent(sizes: NDArray[np.int32]) -> str:
    """``28 x 28`` for one size; the range of heights and widths for several.

    >>> _extent(np.array([[28, 28]], dtype=np.int32)), _extent(np.array([[20, 30], [25, 40]], dtype=np.int32))
    ('28 x 28', '20 to 25 high and 30 to 40 wide')
    """
    low, high = sizes.min(0).tolist(), sizes.max(0).tolist()
    if low == high:
        return f"{low[0]:,} x {low[1]:,}" if low[0] == low[1] else f"{low[0]:,} high and {low[1]:,} wide"
    ranges = [f"{a:,}" if a == b else f"{a:,} to {b:,}" for a, b in zip(low, high, strict=True)]
    return f"{ranges[0]} high and {ranges[1]} wide"


def usable_threads() -> int:
    """Threads for decoding: the cores that this process may use, 8 at most.

    >>> 1 <= usable_threads() <= 8
    True
    """
    import os

    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(8, cores)
