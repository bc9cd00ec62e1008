"""Pictures in one array: the IDX files of MNIST and its kin, and NumPy's NPZ."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.images.decode import as_array, has_colour, luminance
from fivefold.tasks.images.image_set import SKETCH, ImageSet, Pixels
from fivefold.tasks.label_order import label_order

_COLOUR_SAMPLE = 2000


class ArrayPixels(Pixels):
    """Pictures of one size in memory.

    Args:
        array: [N, height, width] grey or [N, height, width, 3].
    """

    def __init__(self, array: NDArray[np.uint8]) -> None:
        self._array = array

    def load(
        self, rows: NDArray[np.int64], height: int, width: int, *, colour: bool, threads: int
    ) -> NDArray[np.uint8]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        channels = 3 if colour else 1
        if self._array.shape[1:3] == (height, width):
            part = self._array[rows]
            if part.ndim == 3:
                return np.repeat(part[:, None], channels, axis=1)
            if not colour:
                return luminance(part)[:, None]
            return np.ascontiguousarray(part.transpose(0, 3, 1, 2))
        from PIL import Image

        out = np.empty((len(rows), channels, height, width), dtype=np.uint8)
        for place, row in enumerate(rows.tolist()):
            out[place] = as_array(Image.fromarray(self._array[row]), height, width, colour=colour)
        return out

    def sketches(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        from PIL import Image

        out = np.empty((len(rows), SKETCH, SKETCH), dtype=np.uint8)
        for place, row in enumerate(rows.tolist()):
            picture = self._array[row] if self._array.ndim == 3 else luminance(self._array[row])
            out[place] = np.asarray(
                Image.fromarray(picture).resize((SKETCH, SKETCH), Image.Resampling.BILINEAR)
            )
        return out

    def digests(self, rows: NDArray[np.int64]) -> tuple[bytes, ...]:
        """See :class:`~fivefold.tasks.images.image_set.Pixels`."""
        return tuple(digest(self._array[row]) for row in rows.tolist())


@dataclass(frozen=True, eq=False)
class Part:
    """Some pictures of one array, with their labels.

    Args:
        name: Before the number in each picture's name.
        pictures: [n, height, width] or [n, height, width, 3].
        labels: One text a picture, [n]; ``None`` where there are none.
        given: 0 training, 1 test, -1 unknown.
    """

    name: str
    pictures: NDArray[np.uint8]
    labels: NDArray[np.str_] | None
    given: int


def from_parts(
    source: str, parts: list[Part], notes: list[str], whites: Mapping[str, float] | None = None
) -> ImageSet:
    """Put parts together into one set.

    Args:
        source: What the user named.
        parts: At least one.
        notes: What a user should know.
        whites: Which numbers were taken as white, where the parts were not bytes from the start.

    Raises:
        DataError: Parts of different sizes, or none.
    """
    shapes = sorted({part.pictures.shape[1:] for part in parts})
    if len(shapes) != 1:
        shown = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
        raise DataError("arrays of pictures of one size", shown or "none", f"see {source}")
    array = np.concatenate([part.pictures for part in parts]) if len(parts) > 1 else parts[0].pictures
    n = len(array)
    classes: tuple[str, ...] = ()
    labels = np.full(n, -1, dtype=np.int64)
    if all(part.labels is not None for part in parts):
        texts = np.concatenate([part.labels for part in parts if part.labels is not None])
        classes, labels = coded(texts)
    names = tuple(f"{part.name} {i}" for part in parts for i in range(len(part.pictures)))
    sample = array[:: max(1, n // _COLOUR_SAMPLE)]
    return ImageSet(
        source=source,
        names=names,
        classes=classes,
        labels=labels,
        sizes=np.broadcast_to(np.array(array.shape[1:3], dtype=np.int32), (n, 2)).copy(),
        colour=array.ndim == 4 and has_colour(sample),
        given=np.repeat(
            np.array([part.given for part in parts], dtype=np.int8), [len(part.pictures) for part in parts]
        ),
        rejected=(),
        notes=tuple(notes),
        pixels=ArrayPixels(array),
        origin=np.arange(n),
        asked=names,
        places=np.arange(n),
        whites=dict(whites or {}),
    )


def coded(texts: NDArray[np.str_]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes, sorted (numbers by value), and the code of each text [n].

    >>> coded(np.array(["10", "9", "10"]))[0]
    ('9', '10')
    """
    found, codes = np.unique(texts, return_inverse=True)
    order = sorted(range(len(found)), key=lambda i: label_order(str(found[i])))
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    return tuple(str(found[i]) for i in order), place[codes]


def digest(picture: NDArray[np.uint8]) -> bytes:
    """A digest of one picture [h, w] or [h, w, 3]; grey in three channels equals the same in one."""
    if picture.ndim == 3 and (picture == picture[..., :1]).all():
        picture = picture[..., 0]
    head = "x".join(map(str, picture.shape)).encode()
    return hashlib.blake2b(picture.tobytes(), digest_size=16, person=head[:16]).digest()
