"""The lesson's dot product follows the cosine."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def test_the_dot_product_follows_the_angle(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("vector-products"):
        degrees = float(frame["value"].removeprefix("θ = ").removesuffix("°"))
        (point,) = layers(frame, 1, "points")
        assert point["y"][0] == pytest.approx(3.0 * np.cos(np.deg2rad(degrees)), abs=1e-4)
        said = "agree" if degrees < 90 else "oppose" if degrees > 90 else "right angles"
        assert said in frame["caption"]


def test_high_dimensions_narrow_the_cosine(lesson: Callable[[str], dict[str, Any]]) -> None:
    histograms = lesson("vector-products")["failures"][0]["figures"][0]["panels"][0]["layers"]
    spreads = [np.sqrt(np.dot(h["y"], np.square(h["x"]))) for h in histograms]
    # A random cosine of n numbers has standard deviation 1/√n; the cells are 0.05 wide.
    np.testing.assert_allclose(spreads[:3], 1 / np.sqrt([2, 10, 100]), rtol=0.12)
    assert spreads[3] < 0.05
