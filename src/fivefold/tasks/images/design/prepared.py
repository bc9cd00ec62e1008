"""Pictures and labels as a search trains on them: checked, parted, normalised."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from fivefold.core import DataError, numpy_generator, require, torch_generator
from fivefold.tasks.images.raw_pictures import channel_moments


@dataclass(frozen=True, eq=False)
class Prepared:
    """Training and validation pictures.

    Args:
        pictures: uint8 [N, C, H, W], to train on.
        labels: int64 [N] in 0..classes - 1.
        held: Validation pictures, normalised, float32 [M, C, H, W].
        held_labels: int64 [M].
        classes: Number of classes.
        mean: float32 [C] of the training pictures' channels, scaled to 0..1.
        std: float32 [C], likewise; 1 / 255 where a channel is constant.
    """

    pictures: Tensor
    labels: Tensor
    held: Tensor
    held_labels: Tensor
    classes: int
    mean: Tensor
    std: Tensor

    def normalised(self, rows: Tensor) -> Tensor:
        """Training pictures of these rows: (x / 255 - mean) / std."""
        return normalise(self.pictures.index_select(0, rows), self.mean, self.std)


def normalise(pictures: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Bytes [n, C, H, W] as float32: (x / 255 - mean) / std, channel by channel.

    >>> normalise(torch.full((1, 1, 1, 1), 255, dtype=torch.uint8), torch.zeros(1), torch.ones(1)).item()
    1.0
    """
    scale, shift = 1 / (255 * std), mean / std
    return pictures.float().mul_(scale[:, None, None]).sub_(shift[:, None, None])


def prepare(
    pictures: NDArray[np.uint8],
    labels: NDArray[np.integer],
    validation: float | tuple[NDArray[np.uint8], NDArray[np.integer]],
    *,
    seed: int = 0,
    groups: NDArray[np.integer] | None = None,
) -> Prepared:
    """Check pictures and labels, and hold validation pictures apart.

    Args:
        pictures: uint8 [N, C, H, W].
        labels: [N] whole numbers in 0..K - 1, each class at least twice.
        validation: The share of each class that is held apart, drawn from the seed; or pictures and labels
            of the same kind that are held apart already.
        seed: For that draw.
        groups: Codes [N]; pictures of one code are held apart together or not at all. A class of one code
            alone is then not judged.

    Raises:
        DataError: Arrays of another shape or type, labels out of range, fewer than two classes, a class with
            too few pictures, or only one code a class.
        ArgumentError: A share outside of (0, 1).

    >>> pixels = np.zeros((10, 1, 4, 4), np.uint8)
    >>> len(prepare(pixels, np.arange(10) % 2, 0.2).held)
    2
    """
    _check(pictures, labels, "pictures")
    classes = int(labels.max()) + 1
    if classes < 2:
        raise DataError("at least 2 classes", str(classes), "add pictures of another class")
    if isinstance(validation, tuple):
        held, held_labels = validation
        _check(held, held_labels, "validation pictures")
        if held.shape[1:] != pictures.shape[1:]:
            raise DataError(f"validation pictures of shape {pictures.shape[1:]}", str(held.shape[1:]))
        if int(held_labels.max()) >= classes:
            raise DataError(f"validation labels below {classes}", str(int(held_labels.max())))
    else:
        require(0 < validation < 1, "a share of validation pictures in (0, 1)", validation)
        alone = np.arange(len(labels)) if groups is None else np.asarray(groups)
        require(alone.shape == labels.shape, f"groups [{len(labels)}]", alone.shape)
        apart = _part(np.asarray(labels, dtype=np.int64), classes, validation, seed, alone)
        held, held_labels = pictures[apart], labels[apart]
        pictures, labels = pictures[~apart], labels[~apart]
    raw = torch.from_numpy(np.ascontiguousarray(pictures))
    mean, std = (torch.tensor(values) for values in channel_moments(raw))
    return Prepared(
        raw,
        torch.from_numpy(np.asarray(labels, dtype=np.int64).copy()),
        normalise(torch.from_numpy(np.ascontiguousarray(held)), mean, std),
        torch.from_numpy(np.asarray(held_labels, dtype=np.int64).copy()),
        classes,
        mean,
        std,
    )


def _check(pictures: NDArray[np.uint8], labels: NDArray[np.integer], what: str) -> None:
    shape = f"{pictures.dtype} {list(pictures.shape)}"
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or 0 in pictures.shape:
        raise DataError(f"{what} as uint8 [N, C, H, W], none of them 0", shape, "convert them")
    if labels.shape != pictures.shape[:1] or labels.dtype.kind not in "iu":
        expected = f"whole numbers [{pictures.shape[0]}] as labels of the {what}"
        raise DataError(expected, f"{labels.dtype} {list(labels.shape)}")
    if int(labels.min()) < 0:
        raise DataError("labels of at least 0", str(int(labels.min())), "leave out pictures without a class")


def _part(
    labels: NDArray[np.integer], classes: int, share: float, seed: int, groups: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Which rows are held apart: whole groups, about the share of each class, never all of one."""
    generator = numpy_generator(seed, "design", "validation")
    apart = np.zeros(len(labels), dtype=np.bool_)
    kept = np.bincount(labels, minlength=classes)
    _, inverse, size = np.unique(groups, return_inverse=True, return_counts=True)
    code = inverse.reshape(-1)
    members = np.split(np.argsort(code, kind="stable"), np.cumsum(size)[:-1])
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            expected = f"at least 2 pictures of class {label}, one of them to judge by"
            raise DataError(expected, str(len(rows)), "add pictures, or number the classes without gaps")
        count = min(max(1, round(share * len(rows))), len(rows) - 1)
        taken = int(apart[rows].sum())  # with groups of several classes
        for row in generator.permutation(rows).tolist():
            if taken >= count:
                break
            together = members[code[row]]
            lost = np.bincount(labels[together], minlength=classes)
            if not apart[row] and (kept - lost)[labels[together]].min() >= 1:
                apart[together] = True
                kept -= lost
                taken += int(lost[label])
    if not apart.any():
        raise DataError("pictures to judge by", "copies of one picture in every class", "add others")
    return apart


class PictureStream(Dataset[tuple[Tensor, Tensor]]):
    """Training pictures, normalised a batch at a time.

    >>> pixels = np.zeros((10, 1, 4, 4), np.uint8)
    >>> stream = PictureStream(prepare(pixels, np.arange(10) % 2, 0.2))
    >>> stream.__getitems__(torch.tensor([0, 3]))[0].shape
    torch.Size([2, 1, 4, 4])
    """

    def __init__(self, data: Prepared) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        """One picture and its class."""
        X, y = self.__getitems__(torch.tensor([row]))
        return X[0], y[0]

    def __getitems__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """A batch and its classes."""
        return self.data.normalised(rows), self.data.labels.index_select(0, rows)


class Stretches:
    """Batches of a training of any number of updates, in stretches of the same length.

    The rows come in permutations of the seed, one after the other; a batch may hold the end of one and the
    start of the next. A stretch is what the training takes for an epoch, so that a training ends, and is
    judged, after the planned number of updates instead of a whole number of passes.

    Args:
        rows: Training pictures.
        batch_size: Rows of each batch, at least 1.
        updates: Batches of a stretch, at least 1.
        seed: Of the permutations.

    >>> batches = Stretches(3, 2, 3, seed=0)
    >>> sorted(torch.cat(list(batches)).tolist())
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, rows: int, batch_size: int, updates: int, *, seed: int) -> None:
        self.rows, self.batch_size, self.updates, self.seed = rows, batch_size, updates, seed
        self.stretch = 0

    def __len__(self) -> int:
        return self.updates

    def __iter__(self) -> Iterator[Tensor]:
        """The batches of the present stretch."""
        start = self.stretch * self.updates * self.batch_size
        number, order = -1, torch.empty(0, dtype=torch.int64)
        for first in range(start, start + self.updates * self.batch_size, self.batch_size):
            parts, missing, place = [], self.batch_size, first
            while missing:
                if place // self.rows != number:
                    number = place // self.rows
                    generator = torch_generator(self.seed, "design", "pass", number)
                    order = torch.randperm(self.rows, generator=generator)
                part = order[place % self.rows :][:missing]
                parts.append(part)
                missing -= len(part)
                place += len(part)
            yield torch.cat(parts)
