"""The lesson's shadow is widest at the principal direction, and turns with the units."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_widest_shadow_is_the_first_component(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    kept = [layers(frame, 1, "points")[0]["y"][0] for frame in frames("pca")]
    said = ["first principal component" in frame["caption"] for frame in frames("pca")]
    assert said.index(True) == int(np.argmax(kept))
    for frame in frames("pca"):
        curve, (point,) = layers(frame, 1, "line")[0], layers(frame, 1, "points")
        assert point["y"][0] <= max(curve["y"]) * 1.001
        cloud, feet = layers(frame, 0, "points")
        u = np.array([np.cos(np.deg2rad(point["x"][0])), np.sin(np.deg2rad(point["x"][0]))])
        drops = np.array([np.subtract(feet["x"], cloud["x"]), np.subtract(feet["y"], cloud["y"])])
        np.testing.assert_allclose(u @ drops, 0.0, atol=5e-3)


def test_units_turn_the_first_component(lesson: Callable[[str], dict[str, Any]]) -> None:
    slopes = []
    for panel in lesson("pca")["failures"][0]["figures"][0]["panels"]:
        line = next(layer for layer in panel["layers"] if layer["kind"] == "line")
        unit = panel["ylim"][1] / panel["xlim"][1]
        slopes.append(abs((line["y"][1] - line["y"][0]) / (line["x"][1] - line["x"][0])) / unit)
    # Lying in kilometres, slanted in metres, standing in millimetres.
    assert slopes[0] < 0.5 < slopes[1] < 1.5 < slopes[2]
