"""The lesson's dents, floors and condition numbers are what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.convexity import conditioned, floors

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_convex_means_one_floor(frames: Frames, layers: Layers) -> None:
    for frame in frames("convexity"):
        depth = float(frame["value"].removeprefix("a = "))
        dots = layers(frame, 0, "points")[0]["x"]
        curvature = layers(frame, 1, "line")[1]["y"]
        assert min(curvature) == pytest.approx(1 - 16 * depth, abs=0.01)
        assert ("Not convex" in frame["caption"]) == (depth > 1 / 16)
        assert (len(dots) == 1) == (depth <= 1 / 16)
        if "below the function" in frame["caption"]:
            assert depth > 1 / 16, "a chord below refutes convexity"


@pytest.mark.parametrize("depth", [0.0, 0.2, 1.0])
def test_floors_have_no_slope_and_curve_up(depth: float) -> None:
    found = floors(depth)
    np.testing.assert_allclose(found - 4 * depth * np.sin(4 * found), 0.0, atol=0.02)
    assert np.all(1 - 16 * depth * np.cos(4 * found) > 0.0)


def test_units_make_the_condition() -> None:
    kappa = conditioned()
    assert kappa["raw"] > 1e10
    assert kappa["scaled"] < 3.0 < kappa["centred"] < kappa["raw"]
    assert kappa["ridge"] < kappa["raw"]


def test_the_slope_is_small_where_the_floor_is_far(lesson: Lesson) -> None:
    slope, distance, bound = (
        np.array(layer["y"])
        for layer in lesson("convexity")["failures"][0]["figures"][0]["panels"][0]["layers"]
    )
    assert slope[1] < 0.04
    assert distance[1] > 25.0
    assert np.all(bound >= 0.999 * distance)
