"""The lesson's starts converge below one and diverge above it; safe directions leave the saddle."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_one_divides_the_starts(frames: Frames, layers: Layers) -> None:
    for frame in frames("newtons-method"):
        start = float(frame["value"].removeprefix("w₀ = "))
        away = layers(frame, 1, "line")[0]["y"]
        if start == 1.0:
            np.testing.assert_allclose(away, 1.0, rtol=1e-4)
            continue
        word = "It converges" if start < 1 else "It diverges"
        assert word in frame["caption"]
        assert (away[-1] < start) == (start < 1)
        np.testing.assert_allclose(away[1], start**3, rtol=1e-4)


def test_the_ends_of_the_failures(lesson: Lesson) -> None:
    saddle, repaired = (
        [layer for layer in failure["figures"][0]["panels"][0]["layers"] if layer["kind"] == "line"]
        for failure in lesson("newtons-method")["failures"]
    )
    np.testing.assert_allclose((saddle[0]["x"][-1], saddle[0]["y"][-1]), (0.0, 0.0), atol=1e-6)
    np.testing.assert_allclose((saddle[1]["x"][-1], saddle[1]["y"][-1]), (1.0, 0.0), atol=1e-6)
    assert repaired[0]["y"][-1] > 1e10
    assert repaired[1]["y"][-1] < 1e-15


def test_a_line_search_follows_the_bent_valley(lesson: Lesson) -> None:
    curves = lesson("newtons-method")["geometry"]["figures"][0]["panels"][1]["layers"]
    assert all(layer["y"][-1] < 1e-12 for layer in curves)
    assert max(curves[0]["y"]) > max(curves[1]["y"])
