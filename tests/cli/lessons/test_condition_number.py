"""The lesson's worst case grows by just κ, and its ellipse is that much longer than wide."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


def test_the_ellipse_and_the_factor_are_the_condition(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("condition-number"):
        kappa = float(frame["value"].removeprefix("κ = "))
        (outline,) = layers(frame, 0, "polygon")
        xy = np.array([outline["x"], outline["y"]])[:, :-1]
        s = np.linalg.svd(xy - xy.mean(axis=1, keepdims=True))[1]
        assert s[0] / s[1] == pytest.approx(kappa, rel=2e-3)
        (point,) = layers(frame, 1, "points")
        assert point["y"][0] == pytest.approx(kappa, rel=1e-3)


def test_the_subtraction_loses_what_the_problem_keeps(lesson: Callable[[str], dict[str, Any]]) -> None:
    naive, allowed, _ = lesson("condition-number")["failures"][0]["figures"][0]["panels"][0]["layers"]
    assert naive["y"][0] == 1.0
    assert max(allowed["y"]) < 3e-16


def test_normal_equations_are_worse_at_every_high_degree(lesson: Callable[[str], dict[str, Any]]) -> None:
    gram, qr, *_ = lesson("condition-number")["failures"][1]["figures"][0]["panels"][0]["layers"]
    ratio = np.array(gram["y"]) / np.array(qr["y"])
    assert np.all(ratio[5:] > 1e2)
