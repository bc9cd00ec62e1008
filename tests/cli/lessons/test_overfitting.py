"""The lesson's errors are those to be expected, and there is a second descent."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.overfitting import choices, double_descent, double_descent_seen

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_means_lie_on_the_lines(frames: Frames, layers: Layers) -> None:
    frame = frames("overfitting")[0]
    lines, dots = layers(frame, 1, "line"), layers(frame, 1, "points")
    for expected, seen in zip(lines, dots, strict=False):
        np.testing.assert_allclose(seen["y"], expected["y"], rtol=0.06)
    assert np.all(np.diff(lines[0]["y"]) < 0.0)
    assert 3 < int(np.argmin(lines[1]["y"])) < 9


def test_the_words_follow_the_degree(frames: Frames) -> None:
    said = [frame["caption"].split(":")[0].split(".")[0] for frame in frames("overfitting")]
    order = ["Too simple", "Near the best", "Too free"]
    assert [order.index(words) for words in said] == sorted(order.index(words) for words in said)
    assert set(said) == set(order)


def test_the_error_seen_chooses_the_last() -> None:
    picks, cost = choices()
    assert np.all(picks["seen"] == 18)
    assert np.median(picks["mallows"]) in {5, 6, 7}
    assert cost["true"] <= cost["mallows"] < cost["seen"]


@pytest.mark.parametrize("columns", [3, 16, 60, 200])
def test_the_second_descent(columns: int) -> None:
    assert double_descent_seen(columns, 300) == pytest.approx(double_descent(columns), rel=0.12)


def test_it_is_worst_in_the_middle() -> None:
    assert double_descent(13) < double_descent(30) < double_descent(38)
    assert double_descent(42) > 2.0 * double_descent(60)
    assert double_descent(13) < double_descent(60) < double_descent(400) < 1.04  # of saying nothing
