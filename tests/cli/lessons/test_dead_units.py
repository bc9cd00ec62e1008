"""The lesson's units die as the integral says, and stay dead."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.dead_units import Net, counted, first_shares, trained

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_dead_stay_dead(frames: Frames) -> None:
    for push in (0.0, 3.0, 8.0):
        _, off, error = trained(push)
        assert off[-1] >= off[0]
        assert (error > 0.999) == (off[-1] == 1.0), "a constant net leaves all the variance"
    captions = [frame["caption"] for frame in frames("dead-units")]
    assert "a constant" in captions[-1]
    assert sum("a constant" in caption for caption in captions) == 1


def test_a_leak_goes_on_learning() -> None:
    _, off, error = trained(8.0, leak=0.1)
    assert off[0] == 1.0
    assert error < 0.8


@pytest.mark.parametrize("push", [0.0, 2.0, 4.0])
def test_the_share_by_the_integral(push: float) -> None:
    x = np.linspace(-2.0, 1.5, 30)
    generator = np.random.default_rng(0)
    w, b = np.sqrt(2.0) * generator.normal(size=40000), generator.normal(size=40000) - push
    top, low = np.maximum(w * x[0], w * x[-1]) + b, np.minimum(w * x[0], w * x[-1]) + b
    off, on = first_shares(x, push)
    assert off == pytest.approx(np.mean(top <= 0.0), abs=0.01)  # four standard errors
    assert on == pytest.approx(np.mean(low > 0.0), abs=0.01)


def test_raw_years_leave_no_unit_that_bends() -> None:
    years = np.linspace(63.0, 67.0, 40)
    off, on = first_shares(years, 0.0)
    assert off == pytest.approx(0.5, abs=0.01)
    assert 1.0 - off - on < 0.01
    np.testing.assert_allclose(counted(years), (off, on, 1 - off - on), atol=0.05)


def test_the_step_is_the_slope_by_differences() -> None:
    net, h = Net(1.0, leak=0.1), 1e-6

    def value(at: Net) -> float:
        return 0.5 * float(np.mean((at.predict(at.inputs) - at.y) ** 2))

    before = net.W.copy()
    net.step(1e-3)
    for row, unit in ((0, 3), (1, 7)):
        pair = []
        for sign in (1.0, -1.0):
            other = Net(1.0, leak=0.1)
            other.W[row, unit] += sign * h
            pair.append(value(other))
        assert (before - net.W)[row, unit] / 1e-3 == pytest.approx(
            (pair[0] - pair[1]) / (2 * h), rel=1e-4, abs=1e-7
        )


def test_saturation_costs(lesson: Lesson) -> None:
    share, error = lesson("dead-units")["failures"][0]["figures"][0]["panels"]
    np.testing.assert_allclose(share["layers"][0]["y"], share["layers"][1]["y"], atol=0.05)
    losses = error["layers"][0]["y"]
    assert losses[-1] > 1.2 * min(losses)
