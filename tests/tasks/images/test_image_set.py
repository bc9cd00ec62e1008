"""Rows, masks and words of a set."""

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.packed import Part, from_parts


def _set(n: int = 5, given: int = -1) -> ImageSet:
    array = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 6), dtype=np.uint8)
    labels = np.array(["b", "a"] * n)[:n]
    return from_parts("memory", [Part("x", array, labels, given)], [])


def test_rows_are_loaded_in_the_order_asked_for_with_repeats():
    images = _set()
    rows = np.array([3, 0, 3])
    assert images.load(rows, 4, 6, colour=False)[:, 0, 0, 0].tolist() == [3, 0, 3]
    assert images.load(rows, 4, 6, colour=True).shape == (3, 3, 4, 6)
    assert images.load(np.array([], dtype=np.int64), 2, 2, colour=True).shape == (0, 3, 2, 2)


def test_take_composes_and_accepts_masks():
    images = _set()
    twice = images.take(np.array([4, 2, 0])).take(np.array([False, True, True]))
    assert twice.names == ("x 2", "x 0")
    assert twice.places.tolist() == [2, 0]
    assert twice.load(None, 4, 6, colour=False)[:, 0, 0, 0].tolist() == [2, 0]
    assert twice.classes == images.classes == ("a", "b")
    assert [images.classes[i] for i in twice.labels] == ["b", "b"]
    assert len(twice) == 2
    assert twice.digests() == (images.digests()[2], images.digests()[0])


@pytest.mark.parametrize(
    "rows", [np.array([5]), np.array([-1]), np.array([[0]]), np.array([0.5]), np.array([True])]
)
def test_rows_out_of_range_are_refused(rows):
    with pytest.raises(ArgumentError, match=r"pictures|mask"):
        _set().take(rows)
    if rows.dtype.kind != "b":
        with pytest.raises(ArgumentError, match="numbers of pictures"):
            _set().load(rows, 2, 2, colour=False)


def test_sizes_and_threads_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match="height and width"):
        _set().load(None, 0, 3, colour=False)
    with pytest.raises(ArgumentError, match="thread"):
        _set().load(None, 3, 3, colour=False, threads=0)


def test_arrays_that_do_not_fit_are_refused():
    from dataclasses import replace

    images = _set()
    with pytest.raises(ArgumentError, match="labels, given"):
        replace(images, labels=images.labels[:2])
    with pytest.raises(ArgumentError, match="labels below 2"):
        replace(images, labels=images.labels + 1)


def test_the_description_says_what_is_there():
    assert _set().describe() == "5 pictures, 4 high and 6 wide, grey, 2 classes"
    assert _set(1).describe() == "1 picture, 4 high and 6 wide, grey, 1 class"
    both = from_parts(
        "m",
        [
            Part("a", np.zeros((2, 3, 3), np.uint8), None, 0),
            Part("b", np.zeros((1, 3, 3), np.uint8), None, 1),
        ],
        [],
    )
    assert both.describe() == "2 training and 1 test pictures, 3 x 3, grey"
    assert _set().take(np.array([], dtype=np.int64)).describe() == "0 pictures, grey, 2 classes"
