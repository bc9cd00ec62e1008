"""The lesson's memories help in this order, and noise stalls the walk at its square."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_more_memory_gets_lower(frames: Frames, layers: Layers) -> None:
    heights = [layers(frame, 1, "line")[0]["y"][300] for frame in frames("lbfgs")]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 1e3 * heights[1]
    for frame in frames("lbfgs")[1:]:
        walk = layers(frame, 0, "line")[0]
        np.testing.assert_allclose((walk["x"][-1], walk["y"][-1]), (1.0, 1.0), atol=1e-3)


def test_noise_stalls_it(lesson: Lesson) -> None:
    exact, *noisy = (
        layer["y"][-1] for layer in lesson("lbfgs")["failures"][0]["figures"][0]["panels"][0]["layers"]
    )
    assert exact < 1e-15
    levels = [height / noise**2 for height, noise in zip(noisy, (1e-6, 1e-3, 1e-1), strict=True)]
    assert max(levels) < 10 * min(levels), "the height goes with the square of the noise"
