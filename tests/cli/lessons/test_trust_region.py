"""The lesson's words follow the ratio of gain and promise; the hard case is left."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_words_follow_the_ratio(frames: Frames, layers: Layers) -> None:
    seen = set()
    for frame in frames("trust-region"):
        radius = float(frame["value"].removeprefix("Δ = "))
        promised, gained = layers(frame, 1, "points")[0]["y"]
        ratio, words = gained / promised, frame["caption"]
        seen.add(next(word for word in ("Refused", "shrinks", "stays", "doubles") if word in words))
        assert ("Refused" in words) == (ratio < 0.1)
        assert ("doubles" in words) == (ratio >= 0.75)
        step = layers(frame, 0, "line")[2]
        length = np.hypot(step["x"][1] - step["x"][0], step["y"][1] - step["y"][0])
        np.testing.assert_allclose(length, radius, rtol=1e-3)
    assert seen == {"Refused", "shrinks", "stays", "doubles"}


def test_blind_trust_rises_first_and_the_ridge_is_left(lesson: Lesson) -> None:
    fixed, ridge = (
        failure["figures"][0]["panels"][0]["layers"] for failure in lesson("trust-region")["failures"]
    )
    far, near, adapted = (layer["y"] for layer in fixed)
    assert far[1] > 10 * far[0]
    assert near[-1] > 1e-4
    assert adapted[-1] < 1e-10
    stuck, free = (layer for layer in ridge if layer["kind"] == "line")
    np.testing.assert_allclose((stuck["x"][-1], stuck["y"][-1]), (0.0, 0.0), atol=1e-9)
    np.testing.assert_allclose((abs(free["x"][-1]), free["y"][-1]), (1.0, 0.0), atol=1e-4)
