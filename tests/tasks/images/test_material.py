"""Pictures are divided once, class by class, copies together; the source's own division holds."""

import numpy as np
import pytest
import torch

from fivefold.core import DataError
from fivefold.tasks.images.material import divide, part_of
from fivefold.tasks.images.packed import Part, from_parts


def test_three_parts_without_overlap_hold_every_class(digits):
    images = digits(600)
    material = divide(images, np.arange(600), seed=3)
    parts = [material.train, material.held, material.test]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(600))
    for part in parts:
        shares = np.bincount(images.labels[part], minlength=10) / len(part)
        assert np.abs(shares - 0.1).max() < 0.04
    assert (len(material.test), material.given) == (120, False)
    assert not np.array_equal(material.test, divide(images, np.arange(600), seed=4).test)


def test_copies_stay_on_one_side(digits):
    twins = np.arange(600) // 2
    material = divide(digits(600), twins, seed=0)
    for part in (material.train, material.held, material.test):
        assert (np.bincount(twins[part], minlength=300) % 2 == 0).all()


def test_the_sources_test_pictures_are_the_test(digit_arrays):
    pixels, labels = digit_arrays
    parts = [
        Part("train", pixels[:500], labels[:500].astype(str), 0),
        Part("test", pixels[500:600], labels[500:600].astype(str), 1),
    ]
    material = divide(from_parts("digits", parts, []), np.arange(600), seed=0)
    assert np.array_equal(np.sort(material.test), np.arange(500, 600))
    assert material.given
    alone = from_parts("digits", parts[1:], [])
    with pytest.raises(DataError, match="training pictures"):
        divide(alone, np.arange(100), seed=0)


def test_a_class_without_training_pictures_is_named(digit_arrays):
    pixels, labels = digit_arrays
    lone = np.where(np.arange(100) == 99, 7, labels[:100] % 2)
    parts = [
        Part("train", pixels[:99], lone[:99].astype(str), 0),
        Part("test", pixels[99:100], lone[99:100].astype(str), 1),
    ]
    with pytest.raises(DataError, match="none of 7"):
        divide(from_parts("digits", parts, []), np.arange(100), seed=0)


def test_pictures_come_as_bytes_of_the_parts(material, digit_arrays):
    found = material(300)
    for part, rows in zip(found.pictures(16, 16), (found.train, found.held, found.test), strict=True):
        assert part.dtype == torch.uint8
        assert np.array_equal(part[:, 0].numpy(), digit_arrays[0][rows])
    assert found.pictures(8, 12)[0].shape[1:] == (1, 8, 12)


def test_a_part_keeps_the_classes_in_proportion():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    rows = part_of(1000, 100, labels, 0, "test")
    assert np.bincount(labels[rows]).tolist() == [60, 30, 10]
    assert np.array_equal(part_of(1000, 5000, labels, 0), np.arange(1000))
    assert np.bincount(labels[part_of(1000, 3, labels, 0)], minlength=3).tolist() == [1, 1, 1]
    assert np.bincount(labels[part_of(1000, 2, labels, 0)], minlength=3).tolist() == [1, 1, 0]
    assert not np.array_equal(rows, part_of(1000, 100, labels, 1, "test"))


def test_sizes_are_decoded_once_while_memory_lasts(material, monkeypatch):
    found = material(60)
    first = found.pictures(16, 16)
    found.pictures(8, 8)
    assert found.pictures(16, 16)[0] is first[0]
    # 60 pictures of 16 x 16 fill a quarter of 80,000 bytes: the oldest size goes
    monkeypatch.setattr("fivefold.tasks.images.material.available_bytes", lambda: 80_000)
    found.pictures(12, 12)
    assert found.pictures(16, 16)[0] is not first[0]


def test_few_different_pictures_with_many_copies_stay_on_one_side_too(digits):
    twins = np.arange(600) % 60  # ten copies of each, more than tables would keep together
    images = digits(600)
    material = divide(images, twins, seed=0)
    parts = [set(twins[part]) for part in (material.train, material.held, material.test)]
    assert sum(map(len, parts)) == 60
    assert min(map(len, parts)) >= 3
    assert np.array_equal(material.twins, twins)


def test_a_rare_class_is_in_every_part():
    labels = np.where(np.arange(10_000) < 2, 1, 0)
    for seed in range(5):
        assert set(labels[part_of(10_000, 50, labels, seed)]) == {0, 1}


def test_the_first_pictures_of_each_part_are_a_sample():
    """Whatever the source's order: folders come class by class."""
    pixels, labels = np.zeros((900, 4, 4), np.uint8), np.repeat(["a", "b", "c"], 300)
    images = from_parts("x", [Part("x", pixels, labels, -1)], [])
    material = divide(images, np.arange(900), seed=0)
    for part in (material.train, material.held, material.test):
        counts = np.bincount(images.labels[part[: len(part) // 2]], minlength=3)
        assert counts.min() > len(part) / 12
    again = divide(images, np.arange(900), seed=0)
    assert np.array_equal(material.train, again.train)
