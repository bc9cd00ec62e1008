"""The lesson's sigmoid vanishes with depth, and relu does not."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_sigmoid_s_gradient_vanishes(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    firsts: dict[str, list[float]] = {}
    for frame in frames("activation-functions"):
        for curve in layers(frame, 0, "line"):
            firsts.setdefault(curve["label"], []).append(curve["y"][0])
    sigmoid = np.array(firsts["sigmoid"])
    assert np.all(np.diff(sigmoid) < 0)
    assert sigmoid[-1] < 1e-20
    assert min(firsts["relu"]) > 1e-3
    assert min(firsts["tanh"]) > 1e-3


def test_both_panels_tell_the_same(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("activation-functions"):
        at_layers = [curve["y"][0] for curve in layers(frame, 0, "line")]
        assert at_layers == [point["y"][0] for point in layers(frame, 1, "points")]


def test_units_die_as_the_bias_falls(lesson: Callable[[str], dict[str, Any]]) -> None:
    (curve,) = lesson("activation-functions")["failures"][1]["figures"][0]["panels"][0]["layers"]
    assert curve["y"][0] > 0.99
    assert curve["y"][-1] == 0.0
    assert np.all(np.diff(curve["y"]) <= 0)
