"""Arrays of pictures and their labels."""

import numpy as np
import pandas as pd
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.memory import array_part, is_picture_array
from fivefold.tasks.images.read import read_images


def test_three_or_four_dimensions_make_pictures():
    for shape, expected in (
        ((2, 5, 5), True),
        ((2, 3, 5, 5), True),
        ((2, 5), False),
        ((2, 5, 5, 3, 1), False),
    ):
        assert is_picture_array(np.zeros(shape)) is expected
        assert is_picture_array(torch.zeros(shape)) is expected
    for other in (None, "x", [[[1]]], pd.DataFrame({"x": [1]})):
        assert not is_picture_array(other)


@pytest.mark.parametrize("labels", [[3, 0], np.array([3.0, 0.0]), torch.tensor([3, 0]), pd.Series(["3", "0"]),
                                    np.eye(4)[[3, 0]], np.eye(4)[[3, 0]].tolist()])  # fmt: skip
def test_labels_of_any_kind(labels):
    part, _ = array_part(np.zeros((2, 4, 4)), labels, [])
    assert part.labels is not None
    assert part.labels.tolist() == ["3", "0"]


def test_a_mask_that_hides_nothing_is_none():
    part, _ = array_part(np.ma.masked_invalid(np.ones((2, 4, 4))), ["a", "b"], [])
    assert part.pictures.min() == 255


def test_a_tensor_is_read_as_the_array_of_its_numbers():
    pictures = np.random.default_rng(0).random((6, 3, 8, 7)).astype(np.float32)
    here = read_images(pictures, labels=list("aabbab"))
    there = read_images(torch.from_numpy(pictures), labels=list("aabbab"))
    loaded = [each.load(None, 8, 7, colour=True) for each in (here, there)]
    assert np.array_equal(*loaded)
    assert np.array_equal(loaded[0], np.rint(pictures * 255).astype(np.uint8))
    assert (here.source, here.names[0], here.whites) == ("memory", "picture 0", {"floats": 1.0})


def test_dark_pictures_stay_dark_on_the_scale_of_the_fit():
    dark = read_images(np.full((1, 4, 4), 8), labelled=False, whites={"integers": 16.0})
    assert dark.load(None, 4, 4, colour=False).max() == 128


@pytest.mark.parametrize(
    ("pictures", "labels", "error", "words"),
    [
        (np.zeros((0, 4, 4)), [], DataError, r"the shape \(0, 4, 4\)"),
        (np.zeros((2, 4, 4)), [0.5, 1], DataError, "fractions"),
        (np.zeros((2, 4, 4)), ["a", None], DataError, r"none for 1, the first at place 1"),
        (np.zeros((2, 4, 4)), ["a"], ArgumentError, "a label for each of 2 pictures"),
        (np.full((2, 4, 4), np.nan), [0, 1], DataError, "NaN"),
        (np.zeros((2, 5, 6, 7)), [0, 1], DataError, "the shape"),
        (np.zeros((2, 4, 4)), [["a"], [None]], DataError, r"none for 1, the first at place 1"),
        (np.zeros((2, 4, 4)), pd.DataFrame({"y": ["a", np.nan]}), DataError, r"none for 1"),
        (
            np.ma.masked_equal(np.eye(4)[None].repeat(2, 0), 1),
            [0, 1],
            DataError,
            "8 masked ones in the array",
        ),
        (np.zeros((28, 28, 3)), [0] * 28, DataError, r"that of one picture; put it .*picture\[None\]"),
        (np.zeros((28, 28, 1)), [0] * 28, DataError, "that of one picture"),
        (torch.zeros((2, 4, 4), requires_grad=True), [0, 1], ArgumentError, r"detach\(\)"),
    ],
)
def test_what_is_no_picture_or_no_label_is_named(pictures, labels, error, words):
    with pytest.raises(error, match=words):
        array_part(pictures, labels, [])


def test_labels_are_of_arrays_and_arrays_need_them():
    with pytest.raises(ArgumentError, match="labels of an array of pictures"):
        read_images("folder", labels=[1, 2])
    with pytest.raises(ArgumentError, match="labels of the pictures; got none"):
        read_images(np.zeros((2, 4, 4)))
    with pytest.raises(DataError, match="class"):
        read_images(np.zeros((2, 4, 4)), labels=["a", "a"])
