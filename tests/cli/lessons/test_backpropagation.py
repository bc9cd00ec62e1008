"""The lesson's slope is that of its curve, and its failures vanish and explode."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def test_the_slope_that_comes_back_is_that_of_the_curve(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("backpropagation"):
        curve, tangent = layers(frame, 1, "line")
        w = layers(frame, 1, "points")[0]["x"][0]
        slope = (tangent["y"][1] - tangent["y"][0]) / (tangent["x"][1] - tangent["x"][0])
        a, b = np.interp([w - 0.05, w + 0.05], curve["x"], curve["y"])
        assert slope == pytest.approx((b - a) / 0.1, abs=0.02)
        said = re.match(r"∂L/∂w = (-?[\d.]+)\. ", frame["caption"])
        assert said is not None
        assert float(said[1]) == pytest.approx(slope, abs=2e-3)


def test_products_vanish_level_or_explode(lesson: Callable[[str], dict[str, Any]]) -> None:
    small, level, large = (
        np.array(curve["y"])
        for curve in lesson("backpropagation")["failures"][0]["figures"][0]["panels"][0]["layers"]
    )
    assert small[0] < 1e-4 * small[-1]
    assert 0.1 < level[0] / level[-1] < 10
    assert large[0] > 30 * large[-1]
