"""The lesson's powers: a constant rate hovers, the middle ones rest, the fast ones stop short."""

from collections.abc import Callable
from typing import Any

import pytest

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_middle_powers_rest(frames: Frames, layers: Layers) -> None:
    ends = {
        float(frame["value"].removeprefix("p = ")): layers(frame, 1, "line")[0]["y"][-1]
        for frame in frames("learning-rate-schedules")
    }
    best = min(ends.values())
    for frame in frames("learning-rate-schedules"):
        p = float(frame["value"].removeprefix("p = "))
        if "comes to rest" in frame["caption"]:
            assert ends[p] < 6 * best
        else:
            assert ends[p] > 6 * best
    # at a constant rate: the sum over both axes of η σ² / (2 (2 − ηλ)), σ = 2, η = 0.2
    assert ends[0.0] == pytest.approx(0.8 / (2 * 1.8) + 0.8 / (2 * 0.4), rel=0.15)
    assert ends[2.0] > 1.0


def test_too_early_and_cut_off(lesson: Lesson) -> None:
    stairs, cosines = (
        [layer["y"] for layer in failure["figures"][0]["panels"][0]["layers"]]
        for failure in lesson("learning-rate-schedules")["failures"]
    )
    assert stairs[0][-1] > 10 * stairs[2][-1]
    assert cosines[0][400] > 20 * cosines[1][400]
    assert cosines[0][-1] < cosines[1][400]
