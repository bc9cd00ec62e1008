"""The lesson's walks hop at half a rate from the floor, as it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_what_is_left_goes_with_the_square_of_the_rate(frames: Frames, layers: Layers) -> None:
    arrived = 0
    for frame in frames("rmsprop"):
        rate = float(frame["value"].removeprefix("η = "))
        end = layers(frame, 1, "line")[0]["y"][-1]
        if "Too low" in frame["caption"]:
            assert end > 1.0
        elif rate >= 0.1:
            # both axes hop by η/2: (1 + 100) (η/2)²/2
            assert end == pytest.approx(101 * rate**2 / 8, rel=0.1)
            arrived += 1
    assert arrived >= 4


def test_it_does_not_rest_and_adagrad_does(lesson: Lesson) -> None:
    layers = lesson("rmsprop")["failures"][0]["figures"][0]["panels"][0]["layers"]
    ends = [float(np.median(layer["y"][-50:])) for layer in layers]
    assert ends[0] > 5 * ends[1] > 25 * ends[2] > 1e4 * ends[3]
    assert ends[1] / ends[2] == pytest.approx((0.1 / 0.03) ** 2, rel=0.2)
