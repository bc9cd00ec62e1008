"""The lesson's copies teach shifts and cost room; a turned six is a nine; mixtures land in the disc."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.augmentation import (
    cubic,
    digits,
    ring_accuracy,
    ring_and_disc,
    rings,
    six_or_nine,
    swap_errors,
    typical,
)

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]


def test_copies_pay_where_the_digits_move(frames: Frames, layers: Layers) -> None:
    still, one, two = (layer["y"] for layer in layers(frames("augmentation")[0], 2, "line"))
    assert np.argmax(still) == 0
    assert np.argmax(one) == 1
    assert np.argmax(two) == 2
    assert one[1] > 2 * one[0] - 0.1
    for curve in (still, one, two):
        assert curve[-1] < 0.5


def test_the_mean_copy_is_a_blur(frames: Frames, layers: Layers) -> None:
    means = [np.array(layers(frame, 1, "picture")[0]["z"]) for frame in frames("augmentation")]
    np.testing.assert_allclose(means[0], typical(6), atol=1e-4)
    contrast = [mean.std() for mean in means]
    assert np.all(np.diff(contrast) < 0.0)


def test_a_turned_six_is_a_nine() -> None:
    images, labels = digits()
    assert images.shape == (1797, 8, 8)
    assert images.max() == 1.0
    assert np.bincount(labels).min() > 170
    right, margin = six_or_nine()
    assert right[0] > 0.97
    assert right[-1] < 0.1
    assert np.all(np.diff(margin) < 0.0)


def test_the_mean_over_both_orders_is_better() -> None:
    plain, mean, both = swap_errors()
    assert plain > mean > both


def test_a_cubic_has_ten_products() -> None:
    found = cubic(np.array([[2.0, 3.0]]))[0]
    assert sorted(found) == [1, 2, 3, 4, 6, 8, 9, 12, 18, 27]


def test_mixtures_in_the_disc() -> None:
    ring, disc, between, inside = rings()
    assert np.linalg.norm(ring, axis=1).min() >= 1.0
    assert max(np.linalg.norm(disc, axis=1).max(), np.linalg.norm(between, axis=1).max()) <= 0.7
    assert 0.1 < inside < 0.3
    assert ring_accuracy(0.0) > 0.99 > ring_accuracy(5.0) + 0.03
    points, classes = ring_and_disc(10, "test")
    assert points.shape == classes.shape == (20, 2)


@pytest.mark.parametrize("index", [0, 3])
def test_the_caption_counts_the_copies(frames: Frames, index: int) -> None:
    caption = frames("augmentation")[index]["caption"]
    assert ("No copies" in caption) == (index == 0)
    assert ("49 copies" in caption) == (index == 3)
