"""The lesson's surprise is least at the share of heads, and runs away where classes do not overlap."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def test_surprise_is_least_at_the_frequency(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    means = []
    for frame in frames("maximum-likelihood"):
        bars = layers(frame, 0, "bars")
        heights = [height for bar in bars for height in bar["height"]]
        point = layers(frame, 1, "points")[0]
        assert point["y"][0] == pytest.approx(np.mean(heights), rel=1e-4)
        means.append(point["y"][0])
    values = [frame["value"] for frame in frames("maximum-likelihood")]
    assert values[int(np.argmin(means))] == "q = 0.7"


def test_without_overlap_there_is_no_minimum(lesson: Callable[[str], dict[str, Any]]) -> None:
    panel = lesson("maximum-likelihood")["failures"][0]["figures"][0]["panels"][0]
    apart, overlapping, penalised = (np.array(layer["y"]) for layer in panel["layers"])
    assert np.all(np.diff(apart) < 0)
    for curve in (overlapping, penalised):
        assert 0 < int(np.argmin(curve)) < len(curve) - 1


def test_the_best_stated_probability_is_the_true_one(lesson: Callable[[str], dict[str, Any]]) -> None:
    panel = lesson("maximum-likelihood")["failures"][1]["figures"][0]["panels"][0]
    for curve in panel["layers"]:
        right = float(curve["label"].removeprefix("right in ").removesuffix("%")) / 100
        assert curve["x"][int(np.argmin(curve["y"]))] == pytest.approx(right, abs=0.005)
