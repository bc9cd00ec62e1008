"""The lesson's squares are smallest at the fit, and its trough is a trough."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_best_slope_has_the_least_area(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    areas = []
    for frame in frames("least-squares"):
        squares = layers(frame, 0, "polygon")
        area = sum((s["x"][1] - s["x"][0]) ** 2 for s in squares)
        assert abs(area - layers(frame, 1, "points")[0]["y"][0]) < 1e-2
        areas.append(area)
    best = int(np.argmin(areas))
    assert ["The best slope" in frame["caption"] for frame in frames("least-squares")].index(True) == best
    assert 0 < best < len(areas) - 1


def test_repeated_columns_strew_the_fits(lesson: Callable[[str], dict[str, Any]]) -> None:
    trough = lesson("least-squares")["failures"][1]["figures"][0]
    spreads = []
    for panel in trough["panels"]:
        fits = next(layer for layer in panel["layers"] if layer["kind"] == "points")
        spreads.append(np.std(fits["x"]))
        # All lie near the line of constant prediction or the truth: their sum is what the data know.
        assert np.std(np.add(fits["x"], fits["y"])) < 0.3
    assert spreads[1] > 5 * spreads[0]
