"""The lesson's fan folds onto the eigenvector at the rate of the ratio."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_fan_folds(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    A = np.array([[2.0, 0.8], [0.8, 1.1]])
    v = np.linalg.eigh(A)[1][:, 1]
    worst = []
    for frame in frames("eigenvectors"):
        tips = np.array([arrow["to"] for arrow in layers(frame, 0, "arrow")])
        np.testing.assert_allclose(np.linalg.norm(tips, axis=1), 1.0, atol=1e-4)
        worst.append(np.max(np.abs(tips[:, 0] * v[1] - tips[:, 1] * v[0])))
    assert np.all(np.diff(worst) < 0)
    assert worst[0] > 0.9
    assert worst[-1] < 1e-4


def test_without_a_gap_nothing_moves(lesson: Callable[[str], dict[str, Any]]) -> None:
    curves = lesson("eigenvectors")["failures"][0]["figures"][0]["panels"][0]["layers"]
    equal = next(curve for curve in curves if curve["label"] == "λ₂/λ₁ = 1")
    assert max(equal["y"]) == min(equal["y"])
    fast = next(curve for curve in curves if curve["label"] == "λ₂/λ₁ = 0.3")
    assert fast["y"][12] < 1e-5
