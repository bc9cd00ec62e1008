"""The lesson's errors fall to nought at the ranks that they must, and its channels meet where it says."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.depthwise_convolution import reach, windows

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_errors_fall_with_the_rank(frames: Frames, layers: Layers) -> None:
    edges, spots, noise = (layer["y"] for layer in layers(frames("depthwise-convolution")[0], 2, "line")[:3])
    for errors in (edges, spots, noise):
        assert all(a > b - 1e-9 for a, b in pairwise(errors))
        assert errors[-1] < 1e-12
    assert edges[0] > 0.5
    assert edges[1] < 1e-12
    assert all(a >= b for a, b in zip(noise[1:], spots[1:], strict=True))
    for c in range(4):
        assert np.linalg.matrix_rank(windows("edges in all directions")[:, c].reshape(16, 9)) == 2


def test_the_middle_picture_tends_to_the_left_one(frames: Frames, layers: Layers) -> None:
    distances = []
    for frame in frames("depthwise-convolution"):
        whole, ranked = (np.array(layers(frame, i, "picture")[0]["z"]) for i in (0, 1))
        distances.append(np.abs(whole - ranked).max())
        m = int(frame["value"].removeprefix("m = "))
        assert f"{100 * m * (1 / 16 + 1 / 9):.0f}% of the products" in frame["caption"]
        assert ("More than" in frame["caption"]) == (m > 5)
    assert distances[0] > 0.5
    assert distances[-1] < 1e-4


def test_groups_stay_apart_until_they_are_shuffled() -> None:
    np.testing.assert_array_equal(reach(3, shuffle=False), np.kron(np.eye(4), np.ones((4, 4))))
    assert np.all(reach(2, shuffle=True) == 1.0)
    assert reach(1, shuffle=True).sum() == 64


def test_products_for_each_number_moved(lesson: Lesson) -> None:
    layers = lesson("depthwise-convolution")["failures"][1]["figures"][0]["panels"][0]["layers"]
    ordinary, pointwise, depthwise = (layer["height"][0] for layer in layers if layer["kind"] == "bars")
    assert ordinary == pytest.approx(9 * 64 * 64 * 3136 / (2 * 64 * 3136 + 9 * 64 * 64), rel=1e-4)
    assert pointwise == pytest.approx(32.0, rel=0.02)
    assert depthwise == pytest.approx(4.5, rel=0.01)
