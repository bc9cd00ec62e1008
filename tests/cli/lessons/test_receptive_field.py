"""The lesson's slopes stay within the frame, spread as the formula says, and its holes are holes."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.receptive_field import by_column, deviation, drawn, vgg16
from fivefold.concepts.receptive_field import Window, expected_deviation, field

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_slope_fills_the_field_and_nothing_else(frames: Frames, layers: Layers) -> None:
    for frame in frames("receptive-field"):
        depth = int(frame["value"].removeprefix("L = "))
        seen = np.array(layers(frame, 0, "picture")[0]["z"])
        assert seen.max() == 1.0
        size = 2 * depth + 1
        assert np.count_nonzero(seen) == size**2
        low = (len(seen) - size) // 2
        assert np.all(seen[low : low + size, low : low + size] > 0.0)
        shares = layers(frame, 1, "bars")[0]
        assert len(shares["x"]) == size
        assert sum(shares["height"]) == pytest.approx(1.0, abs=1e-3)


def test_the_spread_is_near_the_formula() -> None:
    for depth in (8, 18):
        expected = expected_deviation([Window(3)] * depth)
        assert expected == pytest.approx(np.sqrt(2.0 * depth / 3.0), rel=1e-12)
        assert deviation(by_column(drawn(depth))) == pytest.approx(
            expected, rel=0.3
        )  # one net of four channels


def test_the_caption_tells_the_sizes(frames: Frames) -> None:
    for frame in frames("receptive-field"):
        depth = int(frame["value"].removeprefix("L = "))
        told = re.match(
            r"The field is (\d+) pixels wide; four deviations, 4σ, are ([\d.]+),", frame["caption"]
        )
        assert told is not None
        assert int(told[1]) == 2 * depth + 1
        assert float(told[2]) == pytest.approx(4.0 * np.sqrt(2.0 * depth / 3.0), abs=0.051)


def test_holes_and_padding(lesson: Lesson) -> None:
    holes, padding = lesson("receptive-field")["failures"]
    lattice, patch = (np.array(panel["layers"][0]["z"]) for panel in holes["figures"][0]["panels"])
    assert lattice.shape == patch.shape == (13, 13)
    assert np.count_nonzero(lattice) == 49
    assert np.all(patch > 0.0)
    assert field(vgg16()) == (212, 32, -90)
    share = padding["figures"][0]["panels"][1]["layers"][0]["height"]
    assert share == pytest.approx(
        [122 / 212, 154 / 212, 186 / 212, 1.0, 186 / 212, 154 / 212, 122 / 212], abs=1e-4
    )
    assert f"{100 * (1 - (122 / 212) ** 2):.0f}% of what it sees" in padding["text"]
