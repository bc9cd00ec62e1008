"""The lesson's estimates approach from below, Lanczos first; ghosts come from rounding alone."""

from collections.abc import Callable
from typing import Any

import numpy as np


def test_both_errors_fall_and_lanczos_leads(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    marked = np.array([layers(frame, 1, "points")[0]["y"] for frame in frames("power-iteration")])
    assert np.all(np.diff(marked, axis=0) < 0)
    assert np.all(marked[1:, 1] < marked[1:, 0])
    assert marked[-1, 1] < 1e-13 < marked[-1, 0]


def test_every_estimate_lies_within_the_spectrum(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    (dots,) = layers(frames("power-iteration")[-1], 0, "points")
    assert len(dots["x"]) == 40 * 41 // 2
    assert min(dots["y"]) >= -1.0
    assert max(dots["y"]) <= 2.2


def test_ghosts_appear_only_without_right_angles(lesson: Callable[[str], dict[str, Any]]) -> None:
    apart, short = lesson("power-iteration")["failures"][0]["figures"][0]["panels"]
    assert not [layer for layer in apart["layers"] if layer["colour"] == "red"]
    (ghosts,) = [layer for layer in short["layers"] if layer["colour"] == "red"]
    assert np.sum(np.abs(np.array(ghosts["y"]) - 3.0) < 1e-3) > 5


def test_power_iteration_settles_at_no_eigenvalue(lesson: Callable[[str], dict[str, Any]]) -> None:
    _, power, krylov = lesson("power-iteration")["failures"][1]["figures"][0]["panels"][0]["layers"]
    assert abs(power["y"][-1] - power["y"][-2]) < 1e-4
    assert min(abs(power["y"][-1] - value) for value in (1.0, 0.5, -1.0)) > 0.2
    assert krylov["y"][-1] == 1.0
