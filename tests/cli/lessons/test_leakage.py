"""The lesson's noise tests well where it leaks, and at a half where it does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.leakage import accuracies, interpolated, random_days, twins
from fivefold.concepts.leakage import leaked_accuracy

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("columns", [20, 100, 1000])
def test_noise_scores_as_the_formula_says(columns: int) -> None:
    leaky, honest = accuracies(columns, 60)
    error = 4 * leaky.std() / np.sqrt(60)
    assert leaky.mean() == pytest.approx(leaked_accuracy(50, columns, 20, 0.2), abs=0.02 + error)
    assert honest.mean() == pytest.approx(0.5, abs=4 * honest.std() / np.sqrt(60))


def test_the_curve_rises_and_the_first_frame_is_honest(frames: Frames, layers: Layers) -> None:
    shown = frames("leakage")
    assert "nothing leaks" in shown[0]["caption"]
    assert sum("nothing leaks" in frame["caption"] for frame in shown) == 1
    assert np.all(np.diff(layers(shown[0], 1, "line")[0]["y"]) > 0.0)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_twins(share: float) -> None:
    apart, together = twins(share)
    assert apart == pytest.approx(0.5 + 0.4 * share, abs=0.06)
    assert together == pytest.approx(0.5, abs=0.06)


def test_days() -> None:
    _, inside, ahead = interpolated()
    # the nearest known day is k away with probability held²ᵏ⁻² − held²ᵏ
    k = np.arange(1, 40)
    assert random_days(0.2) == pytest.approx(np.sum(k * (0.2 ** (2 * k - 2) - 0.2 ** (2.0 * k))), rel=1e-12)
    assert inside == pytest.approx(random_days(0.2), rel=0.05)
    assert ahead == pytest.approx(20.5, rel=0.25)


def test_the_chosen_lie_in_the_tails(lesson: Lesson) -> None:
    layers = lesson("leakage")["geometry"]["figures"][0]["panels"][0]["layers"]
    chosen = np.array(layers[2]["height"]) > 0
    assert np.abs(np.array(layers[2]["x"])[chosen]).min() > 2.3
    assert sum(layers[2]["height"]) == 20
