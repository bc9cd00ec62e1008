"""The lesson's maxima lie above its means, and its failures are as it says."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_maximum_is_above_the_mean_and_the_mean_forgives_more(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("pooling"):
        t = int(frame["value"].removeprefix("t = "))
        largest, mean = (np.array(layers(frame, i, "picture")[0]["z"]) for i in (0, 1))
        assert largest.shape == mean.shape == (48 // t, 48 // t)
        assert np.all(largest >= mean - 1e-4)
        if t > 1:
            high, low = layers(frame, 2, "points")[0]["y"]
            assert high > low


def test_one_pixel_flips_the_answer(lesson: Callable[[str], dict[str, Any]]) -> None:
    answers = []
    for panel in lesson("pooling")["failures"][0]["figures"][0]["panels"]:
        words = [layer for layer in panel["layers"] if layer["kind"] == "text"]
        answers.append("".join(layer["text"] for layer in words if layer["y"] < -1.6))
    assert answers == ["01010101", "11111111"]


def test_both_faces_pool_to_the_same(lesson: Callable[[str], dict[str, Any]]) -> None:
    failure = lesson("pooling")["failures"][1]
    assert "(difference 0)" in failure["text"]
    face, turned, _ = (np.array(panel["layers"][0]["z"]) for panel in failure["figures"][0]["panels"])
    assert np.abs(face - turned).max() > 0.5


def test_one_pixel_in_sixteen_learns(lesson: Callable[[str], dict[str, Any]]) -> None:
    winners, shared = (
        np.array(panel["layers"][0]["z"])
        for panel in lesson("pooling")["failures"][2]["figures"][0]["panels"]
    )
    assert np.mean(winners > 0) == 1 / 16
    assert winners.sum() == shared.sum() == 144
