"""The pictures of a fit, divided: what trains, what chooses and calibrates, what tests."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fivefold.core import DataError, numpy_generator
from fivefold.linalg.memory import available_bytes, require_memory
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.tables.splits import Splitter

Rows = npt.NDArray[np.int64]
_TEST, _HELD, _MOST_HELD = 0.2, 0.1, 6000
_KEPT_SHARE = 0.25
_FEW = 2000
"""Below so many training pictures a fifth of them is held out, not a tenth: the choice rests on it."""


@dataclass(eq=False)
class Material:
    """Labelled pictures in three parts, decoded at the sizes that are asked for.

    Attributes:
        images: All pictures.
        train: Rows that networks learn from.
        held: Rows that choose among networks and calibrate the answer.
        test: Rows that nothing touches before the end.
        given: Whether the test rows are those that the source named.
        colour: Whether pictures are decoded with colour; grey ones then have three equal channels.
        twins: Codes [N] of all pictures, equal for copies of each other.
    """

    images: ImageSet
    train: Rows
    held: Rows
    test: Rows
    given: bool
    colour: bool
    twins: Rows
    _decoded: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """3 with colour, else 1."""
        return 3 if self.colour else 1

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.images.classes)

    def labels(self, rows: Rows) -> Tensor:
        """Return the codes of the classes of rows."""
        return torch.from_numpy(self.images.labels[rows])

    def pictures(self, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return training, held and test pictures as bytes [n, C, height, width].

        Sizes asked for stay in memory as long as they take less than a quarter of what is free; the oldest
        goes first.

        Raises:
            ArgumentError: They do not fit in the free memory.
        """
        size = (height, width)
        if size not in self._decoded:
            count = len(self.train) + len(self.held) + len(self.test)
            needed = count * self.channels * height * width
            while self._decoded and self._held_bytes() + needed > _KEPT_SHARE * (available_bytes() or 0):
                self._decoded.pop(next(iter(self._decoded)))
            require_memory(
                2 * needed,
                f"{count:,} pictures of {height} x {width}",
                "take smaller pictures or fewer of them",
            )
            self._decoded[size] = tuple(  # type: ignore[assignment]
                torch.from_numpy(self.images.load(rows, height, width, colour=self.colour))
                for rows in (self.train, self.held, self.test)
            )
        return self._decoded[size]

    def _held_bytes(self) -> int:
        return sum(part.nbytes for parts in self._decoded.values() for part in parts)


def divide(images: ImageSet, twins: Rows, seed: int, *, colour: bool = False) -> Material:
    """Divide labelled pictures into training, held and test rows, class by class, each in random order: the
    first of them are a sample, in whatever order the source has its classes.

    Test rows are those that the source names as such; else a fifth, drawn at random. Pictures with one code
    of ``twins`` (copies of each other) stay on one side, however many they are, but where the source divides
    them, whose word holds.

    Args:
        images: Labelled pictures of at least two classes.
        twins: Codes [N], equal for copies.
        seed: Of the division.
        colour: Decode with colour though the pictures have none.

    Raises:
        DataError: A class without a training picture, or too few different pictures to hold any out.
    """
    rows = np.flatnonzero(images.labels >= 0)
    given = images.given[rows] == 1
    if given.any() and not given.all():
        known, test = rows[~given], rows[given]
    else:
        if given.all():
            raise DataError("training pictures", "test pictures alone", "add a folder named train")
        splitter = Splitter(seed, strata=images.labels[rows], twins=twins[rows], strict=True)
        inner, outer = splitter.test(len(rows), _TEST)
        known, test = rows[inner], rows[outer]
    share = _HELD if len(known) >= _FEW else 0.2
    share = min(share, _MOST_HELD / len(known))
    splitter = Splitter(seed + 1, strata=images.labels[known], twins=twins[known], strict=True)
    inner, outer = splitter.test(len(known), share)
    train, held = known[inner], known[outer]
    missing = sorted(set(range(len(images.classes))) - set(images.labels[train].tolist()))
    if missing:
        named = ", ".join(images.classes[code] for code in missing[:5])
        raise DataError(
            "training pictures of every class",
            f"none of {named}",
            "add pictures of it (five are the least that make sense), or leave the class out",
        )
    order = numpy_generator(seed, "order")
    train, held, test = (order.permutation(part) for part in (train, held, test))
    return Material(images, train, held, test, bool(given.any()), images.colour or colour, twins)


def part_of(rows: int, count: int, labels: npt.NDArray[np.int64], seed: int, *names: str | int) -> Rows:
    """Return ``count`` of the numbers 0..rows-1 at random, the classes in proportion, sorted.

    One picture of each class is among them, as far as there are enough: then the frequent classes come first.

    Args:
        rows: How many there are.
        count: How many are wanted; all where it is not less than ``rows``.
        labels: Codes of their classes [rows].
        seed: Of the draw.
        names: What the draw is for.

    >>> part_of(6, 4, np.array([0, 0, 0, 1, 1, 1]), 0).shape
    (4,)
    """
    if count >= rows:
        return np.arange(rows)
    order = numpy_generator(seed, "part", *names).permutation(rows)
    # rank of each picture within its class, as a share of the class: the first ones of every class come first
    by_class = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sorted_labels = labels[by_class]
    place = np.arange(rows) - starts[sorted_labels]
    rank = (place + 0.5) / sizes[sorted_labels] - (place == 0)
    return np.sort(by_class[np.argsort(rank, kind="stable")[:count]])
