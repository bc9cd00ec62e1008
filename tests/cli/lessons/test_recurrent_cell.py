"""The lesson's unit rests where it says, its slopes are differences, and the marked number is held."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.recurrent_cell import held_values, left_alone, missing, remembered, resting_place

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]


@pytest.mark.parametrize("u", [0.3, 1.0, 1.1, 2.0, 3.0])
def test_the_place_of_rest_does_not_move(u: float) -> None:
    h = resting_place(u)
    assert np.tanh(u * h) == pytest.approx(h, abs=1e-12)
    assert (h > 0.0) == (u > 1.0)


@pytest.mark.parametrize("gate", [None, 0.95])
@pytest.mark.parametrize("u", [0.9, 1.6])
def test_the_slope_is_that_by_differences(u: float, gate: float | None) -> None:
    h, slope = left_alone(u, 0.5, gate)
    step = 1e-6
    above, below = (left_alone(u, 0.5 + sign * step, gate)[0] for sign in (1.0, -1.0))
    np.testing.assert_allclose(slope[:12], ((above - below) / (2 * step))[:12], rtol=1e-6, atol=1e-9)
    assert h[0] == 0.5


def test_the_words_agree_with_the_walks(frames: Frames, layers: Layers) -> None:
    for frame in frames("recurrent-cell"):
        u = float(frame["value"].removeprefix("u = "))
        plain = layers(frame, 1, "line")[2]["y"]
        assert ("sign is kept" in frame["caption"]) == (plain[-1] > 0.3)
        assert ("It fades" in frame["caption"]) == (u < 1.0)
        gate, slope = (layer["y"] for layer in layers(frame, 2, "line"))
        assert gate[-1] > 0.05 > slope[-1]


def test_a_longer_memory_hides_more() -> None:
    short, long = missing(0.8), missing(1.0)
    assert np.all(short[2:50] < long[2:50])
    assert short[-1] == pytest.approx(0.0, abs=1e-9)
    assert long[-1] == pytest.approx(0.0, abs=1e-9)


def test_only_the_gate_that_reads_the_mark_holds_the_number() -> None:
    x, mark, states = held_values()
    assert states["marked"][-1] == pytest.approx(np.tanh(x @ mark), abs=1e-6)
    shares = remembered(200)
    assert shares["marked"] > 0.999
    assert max(shares["plain"], shares["constant"]) < 0.1
