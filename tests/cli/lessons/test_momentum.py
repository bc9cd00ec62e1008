"""The lesson's walks crawl, glide, overshoot and circle, and the planted cycle is one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.momentum import bent_slope

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_words_agree_with_the_curves(frames: Frames, layers: Layers) -> None:
    ends = {}
    for frame in frames("momentum"):
        ends[frame["value"]] = layers(frame, 1, "line")[0]["y"][-1]
        words = frame["caption"]
        if "friction at all" in words or "circles" in words:
            assert ends[frame["value"]] > 1.0
        if "swings back" in words:
            across = np.array(layers(frame, 0, "line")[0]["x"])
            assert across.max() > 0.01, "it overshoots along the valley"
    assert min(ends, key=ends.__getitem__) == "β = 0.72", "the frame called the best is the best"


def test_the_bent_slope_is_convex_and_traps_polyak(lesson: Lesson) -> None:
    w = np.linspace(-3.0, 5.0, 801)
    curvature = np.diff(bent_slope(w)) / np.diff(w)
    assert curvature.min() == pytest.approx(1.0)
    assert curvature.max() == pytest.approx(25.0)
    polyak, nesterov = lesson("momentum")["failures"][0]["figures"][0]["panels"][0]["layers"]
    np.testing.assert_allclose(polyak["y"][-3:], polyak["y"][-6:-3], atol=1e-2)
    assert np.ptp(polyak["y"][-3:]) > 1.0
    assert abs(nesterov["y"][-1]) < 1e-3
