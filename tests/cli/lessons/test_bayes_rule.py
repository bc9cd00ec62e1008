"""The lesson's square and curve agree with the rule."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def area(shape: dict[str, Any]) -> float:
    return float(np.ptp(shape["x"]) * np.ptp(shape["y"]))


def test_the_posterior_is_the_share_of_the_filled_area(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    beliefs = []
    for frame in frames("bayes-rule"):
        _, _, ill, alarm = layers(frame, 0, "polygon")
        belief = layers(frame, 1, "points")[0]["y"][0]
        assert belief == pytest.approx(area(ill) / (area(ill) + area(alarm)), rel=1e-3)
        assert f"{100 * belief:.1f}%" in frame["caption"]
        beliefs.append(belief)
    assert beliefs == sorted(beliefs)
    assert beliefs[0] < 0.02
    assert beliefs[-1] > 0.98


def test_a_prior_of_zero_stays_zero(lesson: Callable[[str], dict[str, Any]]) -> None:
    panel = lesson("bayes-rule")["failures"][1]["figures"][0]["panels"][0]
    closed = next(layer for layer in panel["layers"] if layer.get("label") == "posterior")
    assert all(y == 0 for x, y in zip(closed["x"], closed["y"], strict=True) if x > 0.5)
