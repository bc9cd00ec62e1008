"""The lesson's corners are found where they are, and its square is lost as the page says."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fivefold.cli.lessons.hierarchy_of_features import answer, digits, hits, turned, upright

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_bias_makes_an_and() -> None:
    counts = []
    for b in (0.0, 0.5, 1.0, 1.5, 2.1):
        found, true, false = hits(b)
        counts.append(len(false))
        assert found == (9 if b < 2.0 else 0)
        assert (len(true) >= 9) == (b < 2.0)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 100
    assert counts[3] == 0


def test_the_marks_are_the_answers(frames: Frames, layers: Layers) -> None:
    for frame in frames("hierarchy-of-features"):
        strength = np.array(layers(frame, 1, "picture")[0]["z"])
        marked = sum(len(layer["x"]) for layer in layers(frame, 0, "points"))
        assert marked == np.count_nonzero(strength)


def test_the_square_is_found_and_lost(lesson: Lesson) -> None:
    assert answer(upright(7, 7, 18, 18)) == 1.0
    assert answer(turned(0.0)) == 1.0
    assert answer(turned(3.0)) == 0.0
    assert answer(turned(45.0)) == 0.0
    assert answer(0.87 * upright(7, 7, 18, 18)) == 0.0
    titles = [
        panel["title"] for panel in lesson("hierarchy-of-features")["failures"][0]["figures"][0]["panels"]
    ]
    assert titles == ["In one quarter: 0", "Four of them: 1"]


def test_a_turned_square_keeps_its_area() -> None:
    for degrees in (0.0, 20.0, 45.0):
        assert abs(turned(degrees).sum() - 18.0**2) < 6.5  # a fiftieth: four by four points a pixel


def test_digits_lose_on_the_way_up() -> None:
    shares = digits()
    assert shares["pixels"] > 0.85
    assert abs(shares["edges"] - shares["pixels"]) < 0.03
    assert shares["corners"] < shares["edges"] - 0.1
