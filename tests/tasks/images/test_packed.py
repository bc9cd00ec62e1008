"""Arrays of pictures: the same pixels as from files, labels in order, splits kept."""

import numpy as np
import pytest
from PIL import Image

from fivefold.core import DataError
from fivefold.tasks.images.packed import Part, coded, digest, from_parts
from fivefold.tasks.label_order import label_order


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(6, 9, 9), (6, 9, 9, 3)])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("side", [9, 5, 14])
def test_pictures_in_an_array_load_as_the_same_pictures_in_files(shape, colour, side, tmp_path):
    from fivefold.tasks.images.files import Entry, from_files
    from fivefold.tasks.images.limits import Limits

    array = _noise(*shape)
    packed = from_parts("m", [Part("x", array, None, -1)], [])
    entries = []
    for i, picture in enumerate(array):
        Image.fromarray(picture).save(tmp_path / f"{i}.png")
        entries.append(Entry(f"{i}.png", tmp_path / f"{i}.png"))
    files = from_files("f", entries, (), (), Limits())
    rows = np.array([5, 0, 3])
    first, second = (each.load(rows, side, side, colour=colour) for each in (packed, files))
    assert first.shape == (3, 3 if colour else 1, side, side)
    assert np.array_equal(first, second)
    assert packed.digests() == files.digests()
    assert packed.colour == files.colour == (len(shape) == 4)


def test_numbers_are_sorted_by_value_and_texts_by_letters():
    classes, codes = coded(np.array(["10", "9", "-1", "10"]))
    assert classes == ("-1", "9", "10")
    assert codes.tolist() == [2, 1, 0, 2]
    assert coded(np.array(["cat", "ant"]))[0] == ("ant", "cat")
    assert coded(np.array(["cat", "3", "20", "nan"]))[0] == ("3", "20", "cat", "nan")
    assert label_order("2") < label_order("10") < label_order("a")


def test_parts_are_put_together_with_their_splits():
    parts = [
        Part("a", _noise(2, 4, 4), np.array(["1", "0"]), 0),
        Part("b", _noise(1, 4, 4), np.array(["0"]), 1),
    ]
    images = from_parts("m", parts, ["a note"])
    assert images.names == ("a 0", "a 1", "b 0")
    assert images.given.tolist() == [0, 0, 1]
    assert images.labels.tolist() == [1, 0, 0]
    assert images.notes == ("a note",)
    assert images.sizes.tolist() == [[4, 4]] * 3


def test_parts_of_two_sizes_are_refused():
    with pytest.raises(DataError, match=r"one size.*3 x 3 and 4 x 4"):
        from_parts("m", [Part("a", _noise(2, 4, 4), None, 0), Part("b", _noise(2, 3, 3), None, 1)], [])


def test_grey_in_three_channels_has_no_colour_and_the_same_digest():
    grey = _noise(3, 5, 5)
    tripled = np.repeat(grey[..., None], 3, 3)
    assert not from_parts("m", [Part("a", tripled, None, 0)], []).colour
    assert digest(grey[0]) == digest(tripled[0])
    assert digest(grey[0]) != digest(grey[1])
    assert digest(np.zeros((2, 3), np.uint8)) != digest(np.zeros((3, 2), np.uint8))
