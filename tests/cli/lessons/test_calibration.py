"""The lesson's bins, temperatures and gaps by chance are what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.calibration import brier, data, expected_error, expected_loss, honest
from fivefold.concepts.calibration import temperature

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_best_temperature_undoes_the_heat() -> None:
    z, happened = data()
    assert temperature(z, happened) == pytest.approx(3.0, rel=0.1)
    assert expected_error(3.0) == pytest.approx(0.0, abs=1e-12)
    assert expected_loss(3.0) < min(expected_loss(2.7), expected_loss(3.3))


def test_the_dots_lie_on_the_curves(frames: Frames, layers: Layers) -> None:
    for frame in frames("calibration"):
        heat = float(frame["value"].removeprefix("T = "))
        (loss, error) = (layer["y"][0] for layer in layers(frame, 1, "points"))
        assert loss == pytest.approx(expected_loss(heat), rel=0.06)
        assert error == pytest.approx(expected_error(heat), abs=0.03)
        assert ("Honest" in frame["caption"]) == (heat == 3.0)
        assert ("Too sure" in frame["caption"]) == (heat < 3.0)
        assert len({each["caption"].split("right in ")[1] for each in frames("calibration")}) == 1


def test_honest_forecasts_have_an_ece() -> None:
    bins, chance, seen = honest()
    np.testing.assert_allclose(seen, chance, rtol=0.12)
    assert np.all(np.diff(chance) > 0.0)
    assert len(bins) == len(chance)


def test_the_parts_of_brier(lesson: Lesson) -> None:
    names, parts = brier()
    assert names[0] == "base rate"
    assert parts[0][:2] == pytest.approx((0.0, 0.0), abs=1e-9)
    assert parts[2][0] < 0.3 * parts[1][0]
    assert parts[2][1] == pytest.approx(parts[1][1], rel=0.1)
    assert len(lesson("calibration")["failures"]) == 2
