"""The lesson's answers shrink with the stride by its own formula, and its failures show."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np


def test_sizes_follow_the_formula(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    whole = np.array(layers(frames("convolution")[0], 1, "picture")[0]["z"])
    for frame in frames("convolution"):
        stride = int(frame["value"].removeprefix("s = "))
        answer = np.array(layers(frame, 1, "picture")[0]["z"])
        assert answer.shape == ((32 + 2 - 3) // stride + 1,) * 2
        np.testing.assert_array_equal(answer, whole[::stride, ::stride])
        assert len(layers(frame, 0, "points")[0]["x"]) == answer.size
        missed = re.search(r"(\d+)% of the pixels are seen by no window", frame["caption"])
        assert (missed is not None) == (stride > 3)


def test_a_blur_removes_false_stripes(lesson: Callable[[str], dict[str, Any]]) -> None:
    _, careless, careful = (
        np.array(panel["layers"][0]["z"])
        for panel in lesson("convolution")["failures"][0]["figures"][0]["panels"]
    )
    assert np.ptp(careless[:, -6:]) > 0.5
    assert np.ptp(careful[:, -6:]) < 0.1


def test_the_chequerboard_and_the_frame(lesson: Callable[[str], dict[str, Any]]) -> None:
    three, four = (
        np.array(panel["layers"][0]["z"])
        for panel in lesson("convolution")["failures"][1]["figures"][0]["panels"]
    )
    assert np.ptp(three[4:-4, 4:-4]) > 0
    assert np.ptp(four[4:-4, 4:-4]) == 0
    one, several = (
        np.array(panel["layers"][0]["z"])
        for panel in lesson("convolution")["failures"][2]["figures"][0]["panels"]
    )
    assert np.sum(several < 0.999) > np.sum(one < 0.999) > 0
    assert several[12, 12] == 1.0
