"""The lesson's plain nets lose what its nets with a way round keep."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.residual_connection import _DEPTHS, _WIDTH, along, drawn

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_slope_by_differences() -> None:
    # Away from the bends' kinks: the answer along the arc changes by the slope that the net sends back.
    from fivefold.concepts.residual_connection import forward

    blocks, plane, look = drawn(4, 0)
    slope, h = along(4, 1.0, 0).slope, 1e-5
    angles = np.deg2rad(np.linspace(-90.0, 90.0, 201))
    pair = []
    for sign in (1.0, -1.0):
        x = np.stack([np.cos(angles + sign * h), np.sin(angles + sign * h)], axis=1) @ plane
        pair.append(forward(x, blocks, 0.5, 1.0)[-1] @ look)
    error = np.abs((pair[0] - pair[1]) / (2 * h) - slope)
    assert np.median(error) < 1e-7
    assert np.linalg.norm(plane[0]) == pytest.approx(np.sqrt(_WIDTH), rel=1e-12)
    assert abs(plane[0] @ plane[1]) < 1e-10


def test_neighbours_agree_with_a_way_round_and_rows_stay_apart(frames: Frames, layers: Layers) -> None:
    frame = frames("residual-connection")[-1]
    plain, round_ = (layer["y"] for layer in layers(frame, 1, "line"))
    alike, kept = (layer["y"] for layer in layers(frame, 2, "line"))
    assert len(plain) == len(_DEPTHS)
    assert plain[0] > 0.9
    assert plain[-1] < 0.7
    assert min(round_) > 0.9
    assert alike[-1] > 0.95
    assert max(kept) < 0.5


def test_sizes_and_gates(lesson: Lesson) -> None:
    grows, gates, paper = lesson("residual-connection")["failures"]
    line, dots, level, dots_level = grows["figures"][0]["panels"][0]["layers"]
    assert line["y"][-1] == pytest.approx(2.0**24, rel=1e-4)
    assert dots["y"][-1] > 1e6
    assert level["y"][-1] < np.sqrt(np.e)
    assert max(dots_level["y"]) < 3.0
    ends = [layer["y"][-1] for layer in gates["figures"][0]["panels"][0]["layers"]]
    assert ends == pytest.approx([(k**2 + 0.01) ** 50 for k in (1.1, 1.0, 0.9, 0.7)], rel=1e-3)
    plain, one, small = (np.mean(layer["y"]) for layer in paper["figures"][0]["panels"][0]["layers"])
    assert plain > one > 2.0 * small


def test_shares_add_up(lesson: Lesson) -> None:
    _, shares = lesson("residual-connection")["geometry"]["figures"][0]["panels"]
    for bars in shares["layers"]:
        assert sum(bars["height"]) == pytest.approx(1.0, abs=1e-4)
