"""The lesson's curvatures are those of its matrix, and its two walkers end where it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def test_the_curve_is_extreme_at_the_eigenvectors(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("hessian"):
        second = float(frame["value"].removeprefix("λ₂ = ").replace("−", "-"))
        curve = layers(frame, 1, "line")[1]
        assert min(curve["y"]) == pytest.approx(min(2.0, second), abs=1e-4)
        assert max(curve["y"]) == pytest.approx(max(2.0, second), abs=1e-4)
        word = "minimum" if second > 0 else "trough" if second == 0 else "saddle"
        assert f"A {word}" in frame["caption"]


def test_newton_ends_in_the_saddle_and_descent_in_a_valley(lesson: Callable[[str], dict[str, Any]]) -> None:
    walks = {
        layer["label"]: (layer["x"][-1], layer["y"][-1])
        for layer in lesson("hessian")["failures"][0]["figures"][0]["panels"][0]["layers"]
        if layer["kind"] == "line"
    }
    np.testing.assert_allclose(walks["Newton's steps"], (0.0, 0.0), atol=1e-6)
    np.testing.assert_allclose(walks["gradient descent"], (1.0, 0.0), atol=0.02)


def test_two_slopes_keep_more_digits(lesson: Callable[[str], dict[str, Any]]) -> None:
    values, slopes = lesson("hessian")["failures"][2]["figures"][0]["panels"][0]["layers"]
    assert min(slopes["y"]) < 1e-10 < 1e-9 < min(values["y"][:60])
