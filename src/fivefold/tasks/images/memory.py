"""Pictures in memory: an array or a tensor of them, with a label each or without."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.as_numpy import as_numpy, is_array_like
from fivefold.tasks.images.npz import as_labels, as_pictures
from fivefold.tasks.images.packed import Part
from fivefold.tasks.images.scale import whites_of
from fivefold.tasks.labelled_table import labels_of
from fivefold.tasks.tables.frames import physical

_WHERE = "the array"


def is_picture_array(source: object) -> bool:
    """Whether a source is an array or tensor of three or four dimensions, which can but hold pictures.

    >>> is_picture_array(np.zeros((2, 5, 5))), is_picture_array(np.zeros((2, 5))), is_picture_array("x.npz")
    (True, False, False)
    """
    return is_array_like(source) and getattr(source, "ndim", 0) in (3, 4)


def array_part(
    pictures: Any,
    labels: Any,
    notes: list[str],
    whites: Mapping[str, float] | None = None,
) -> tuple[Part, dict[str, float]]:
    """Return pictures in memory as a part, named by their places from 0, and the numbers taken as white.

    Args:
        pictures: [N, H, W], [N, H, W, 1, 3 or 4] or [N, 1 or 3, H, W], as
            :func:`~fivefold.tasks.images.npz.as_pictures` takes them; a tensor on the processor, too.
        labels: N classes [N] or [N, 1], as texts or whole numbers, or rows [N, K] of zeros with a single
            one; ``None`` where none are known.
        notes: What was decided is added here.
        whites: White of the pictures of a fit, as :func:`~fivefold.tasks.images.scale.whites_of` takes it.

    Raises:
        DataError: Nothing in the array, masked pixels, or what is no picture or no label.
        ArgumentError: Another number of labels.

    >>> part, whites = array_part(np.zeros((2, 5, 5)), ["a", "b"], [])
    >>> part.pictures.dtype, part.labels.tolist(), whites
    (dtype('uint8'), ['a', 'b'], {'floats': 1.0})
    """
    array = as_numpy(pictures)
    if array.size == 0:
        raise DataError("an array with pictures in it", f"the shape {array.shape}")
    if np.ma.is_masked(array):
        many = f"{int(np.ma.getmaskarray(array).sum()):,} masked ones in {_WHERE}"
        raise DataError("pictures of which all pixels are known", many, "fill them: pictures.filled(0)")
    known = whites_of({_WHERE: array}, notes, whites)
    bytes_ = as_pictures(array, _WHERE, notes, known)
    classes = None if labels is None else _classes(labels, notes)
    if classes is not None and len(classes) != len(array):
        raise ArgumentError(f"a label for each of {len(array):,} pictures", f"{len(classes):,} labels")
    return Part("picture", bytes_, classes, -1), known


def _classes(labels: Any, notes: list[str]) -> NDArray[np.str_]:
    array = as_numpy(labels) if is_array_like(labels) else np.asarray(labels, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1:
        texts = labels_of(physical("labels", array, notes), "labels", "pictures")
        if None in texts:
            many = f"none for {texts.count(None):,}, the first at place {texts.index(None)} (from 0)"
            raise DataError("a label for each picture", many, "leave those pictures out")
        return np.array(texts, dtype=np.str_)
    return as_labels(np.asarray(array.tolist()), "the labels", notes)
