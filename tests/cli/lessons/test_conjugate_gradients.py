"""The lesson's two walks arrive in two steps and late, and the bound holds on its curves."""

from collections.abc import Callable
from typing import Any

import numpy as np

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_curves_keep_to_the_bound(frames: Frames, layers: Layers) -> None:
    for frame in frames("conjugate-gradients"):
        slow, bound, fast = (np.array(layer["y"]) for layer in layers(frame, 1, "line"))
        if frame["value"] != "κ = 1":
            assert np.all(fast <= 1.001 * bound + 1e-11)
            assert np.all(fast <= 1.001 * slow + 1e-12)
        walk = layers(frame, 0, "line")[1]
        np.testing.assert_allclose((walk["x"][-1], walk["y"][-1]), (0.0, 0.0), atol=1e-4)


def test_three_eigenvalues_take_three_steps(lesson: Lesson) -> None:
    layers = lesson("conjugate-gradients")["geometry"]["figures"][0]["panels"][0]["layers"]
    assert layers[0]["y"][3] < 1e-11 < 1e-4 < layers[0]["y"][2]
    assert layers[2]["y"][10] > layers[1]["y"][10]


def test_hilbert_s_matrix_keeps_its_error(lesson: Lesson) -> None:
    residual, error = lesson("conjugate-gradients")["failures"][0]["figures"][0]["panels"][0]["layers"]
    assert residual["y"][12] > 1e-13, "twelve steps are not enough"
    assert residual["y"][-1] < 1e-7 * error["y"][-1]
