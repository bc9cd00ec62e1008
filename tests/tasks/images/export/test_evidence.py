"""Which pictures an export is proved with."""

import io

import numpy as np
import pytest
from PIL import Image

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.export import evidence
from fivefold.tasks.images.export.evidence import evidence_of, examples_of, made_up_pictures
from fivefold.tasks.images.read import read_images


@pytest.fixture
def arrays(tmp_path):
    """100 pictures of the classes 3 and 7, each with its number in a corner; with a split, 40 for testing."""

    def write(name, **more):
        x = np.zeros((100, 6, 6), dtype=np.uint8)
        x[:, 0, 0] = np.arange(100)
        x[:, 1:, 1:] = np.random.default_rng(0).integers(0, 256, (100, 5, 5))
        y = np.where(np.arange(100) % 2, 7, 3)
        if more.get("split"):
            parts = {"x_train": x[:60], "y_train": y[:60], "x_test": x[60:], "y_test": y[60:]}
        else:
            parts = {"images": x, "labels": y}
        np.savez(tmp_path / name, **parts)
        return read_images(tmp_path / name)

    return write


def test_the_split_of_the_folder_is_kept(arrays):
    found = evidence_of(arrays("a.npz", split=True), (1, 6, 6), ("7", "3"), int8=True)
    judged, calibrated = found.pictures[:, 0, 0, 0], found.calibration[:, 0, 0, 0]
    assert set(judged) == set(range(60, 100))
    assert set(calibrated) == set(range(60))
    assert "may have trained" not in found.source
    assert list(judged) != sorted(judged)  # the first ones of them are a sample
    assert [name.split()[-1] for name in found.names[:3]] == [str(row - 60) for row in judged[:3]]
    assert (found.labels == np.where(judged % 2, 0, 1)).all()  # the model's own order of classes


def test_without_a_split_no_picture_is_both(arrays):
    found = evidence_of(arrays("b.npz"), (1, 6, 6), ("3", "7"), int8=True)
    judged, calibrated = set(found.pictures[:, 0, 0, 0]), set(found.calibration[:, 0, 0, 0])
    assert not judged & calibrated
    assert len(judged | calibrated) == 100
    assert "which may have trained the model" in found.source
    again = evidence_of(arrays("b.npz"), (1, 6, 6), ("3", "7"), int8=True)
    assert (again.pictures == found.pictures).all()


def test_for_parity_alone(arrays):
    found = evidence_of(arrays("c.npz", split=True), (3, 4, 4), ("3", "7"), int8=False)
    assert found.pictures.shape == (40, 3, 4, 4)
    assert found.labels is None
    assert found.calibration is None
    assert len(found.names) == 40


def test_unknown_classes_and_few_pictures(arrays):
    images = arrays("d.npz")
    with pytest.raises(DataError, match="others: 7"):
        evidence_of(images, (1, 6, 6), ("3", "4"), int8=True)
    with pytest.raises(DataError, match="at least 30 labelled"):
        evidence_of(images.take(np.arange(20)), (1, 6, 6), ("3", "7"), int8=True)


def test_made_up_pictures_vary():
    found = made_up_pictures((3, 16, 12))
    assert found.pictures.shape == (32, 3, 16, 12)
    assert found.pictures.std(axis=(1, 2, 3)).min() > 3
    assert len(np.unique(found.pictures.reshape(32, -1), axis=0)) == 32
    with pytest.raises(ArgumentError, match="at least 1"):
        made_up_pictures((1, 2, 2), 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_examples_are_the_pictures(channels):
    found = made_up_pictures((channels, 9, 7))
    examples = examples_of(found)
    assert len(examples) == 6
    pixels = np.asarray(Image.open(io.BytesIO(examples[2].data)))
    ours = found.pictures[2]
    assert (pixels == (ours[0] if channels == 1 else ours.transpose(1, 2, 0))).all()


def test_examples_that_are_too_large_for_a_page_are_left_out(monkeypatch):
    found = made_up_pictures((1, 9, 7))
    sizes = sorted(len(each.data) for each in examples_of(found))
    monkeypatch.setattr(evidence, "MOST_EXAMPLE", sizes[2])
    assert max(len(each.data) for each in examples_of(found)) <= sizes[2]
    assert len(examples_of(found)) >= 3
