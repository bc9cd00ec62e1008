"""The lesson's nets follow the integrals; equal units stay equal, and rows grow alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.initialisation import expected, run, trained

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize(("kind", "variance"), [("relu", 2.0), ("relu", 1.5), ("tanh", 2.536), ("tanh", 4.0)])
def test_the_nets_follow_the_integrals(kind: str, variance: float) -> None:
    # 24 layers of 200 units: relu's logarithm is known to about √(24 · 5/200) = 0.8
    for seen, theory in zip(run(kind, variance), expected(kind, variance), strict=True):
        np.testing.assert_allclose(np.log(seen), np.log(theory), atol=1.2)


def test_only_two_keeps_both_in_relu(frames: Frames, layers: Layers) -> None:
    for frame in frames("initialisation"):
        variance = float(frame["value"].removeprefix("σ² = "))
        ends = [layers(frame, 0, "line")[0]["y"][-1], layers(frame, 1, "line")[0]["y"][0]]
        np.testing.assert_allclose(ends, (variance / 2.0) ** 24, rtol=1e-3)
        assert ("keeps both" in frame["caption"]) == (variance == 2.0)


def test_equal_units_stay_equal_and_zero_learns_nothing() -> None:
    random, _ = trained("random", 200)
    equal, units = trained("equal", 200)
    zero, nothing = trained("zero", 200)
    np.testing.assert_allclose(units, np.repeat(units[:1], 16, axis=0), rtol=1e-12)
    assert np.all(nothing == 0.0)
    assert zero[-1] == pytest.approx(zero[0], rel=1e-9)
    assert random[-1] < 0.6 * zero[-1]
    assert equal[-1] > random[-1]


def test_rows_grow_alike(lesson: Lesson) -> None:
    curves = lesson("initialisation")["failures"][1]["figures"][0]["panels"][0]["layers"]
    for theory, seen in zip(curves[::2], curves[1::2], strict=True):
        assert np.all(np.diff(theory["y"]) > 0.0)
        np.testing.assert_allclose(seen["y"], np.array(theory["y"])[::4], atol=0.12)
