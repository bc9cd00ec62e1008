"""The lesson's small rates die on the way, and turned axes slow it down."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_low_rates_do_not_arrive_and_good_ones_do(frames: Frames, layers: Layers) -> None:
    for frame in frames("adagrad"):
        end = layers(frame, 1, "line")[0]["y"][-1]
        if "Too low" in frame["caption"]:
            assert end > 0.5
        elif "good rate" in frame["caption"] or "igh" in frame["caption"]:
            assert end < 1e-6
    said = " ".join(frame["caption"] for frame in frames("adagrad"))
    assert all(word in said for word in ("Too low", "Low:", "good rate", "High:", "Far too high"))


def test_turned_axes_are_slower_and_rates_die(lesson: Lesson) -> None:
    rates, turned = (
        failure["figures"][0]["panels"][0]["layers"] for failure in lesson("adagrad")["failures"]
    )
    ends = [layer["y"][100] for layer in turned]
    assert ends[0] < ends[1] < ends[2]
    dying, recovering = (layer["y"] for layer in rates)
    assert np.all(np.diff(dying) <= 0.0)
    assert recovering[-1] > 50 * dying[-1]
