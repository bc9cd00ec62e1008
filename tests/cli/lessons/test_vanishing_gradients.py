"""The lesson's nets grow as the formula says, and clipping helps on the cliff alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.vanishing_gradients import cliff, cliff_slope

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_words_agree_with_the_slopes(frames: Frames, layers: Layers) -> None:
    for frame in frames("vanishing-gradients"):
        runs = [np.array(layer["y"]) for layer in layers(frame, 0, "line")[:12]]
        bottom = np.exp(np.mean([np.log(run[0]) for run in runs]))
        assert all(run[-1] == pytest.approx(1.0) for run in runs)
        assert ("vanishes" in frame["caption"]) == (bottom < 0.05)
        assert ("explodes" in frame["caption"]) == (bottom > 20.0)
        typical = layers(frame, 0, "line")[12]["y"][0]
        # twelve nets of sixty layers: the mean logarithm is known to √(60/16/2)/√12, that is 0.4
        assert np.log(bottom / typical) == pytest.approx(0.0, abs=1.2)


def test_residual_paths_keep_the_size(lesson: Lesson) -> None:
    shrinks, _, stays = (
        layer for layer in lesson("vanishing-gradients")["geometry"]["figures"][0]["panels"][1]["layers"][:3]
    )
    assert shrinks["y"][-1] < 1e-8
    assert 1.4 < min(stays["y"]) <= max(stays["y"]) < np.exp(0.5) + 1e-4
    dots = lesson("vanishing-gradients")["geometry"]["figures"][0]["panels"][1]["layers"][3]
    expected = [(1 + 1 / T) ** (T / 2) for T in dots["x"]]
    np.testing.assert_allclose(dots["y"], expected, rtol=0.1)


def test_a_narrow_net_of_gain_one(lesson: Lesson) -> None:
    narrow = lesson("vanishing-gradients")["failures"][0]["figures"][0]["panels"][0]["layers"]
    median, typical = (np.array(layer["y"]) for layer in narrow if layer.get("label", "")[:2] in ("me", "ty"))
    np.testing.assert_allclose(np.log(median), np.log(typical), atol=0.4)
    assert median[0] < 1e-3


def test_the_cliff() -> None:
    w, h = 0.97, 1e-6
    value = [0.5 * ((w + s) ** 50 - 1) ** 2 for s in (h, -h)]
    assert cliff_slope(w) == pytest.approx((value[0] - value[1]) / (2 * h), rel=1e-6)
    assert abs(cliff(1.08, None)[-1]) > 2.0
    assert cliff(1.08, 10.0)[-1] == pytest.approx(1.0, abs=1e-3)
    assert cliff(0.8, 10.0)[-1] == pytest.approx(0.8, abs=1e-3)
