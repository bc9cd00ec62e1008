"""The lesson's batches gain what the formula says, and the ratio of noisy numbers misleads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.gradient_noise import Problem, gain_seen, two_batches
from fivefold.concepts.gradient_noise import noise_scale, share_of_the_gain

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("size", [4, 32, 256])
def test_the_gain_lies_on_the_formula(size: int) -> None:
    problem = Problem()
    expected = float(share_of_the_gain(np.array(float(size)), problem.scale(problem.start)))
    assert gain_seen(problem, size, 20000) == pytest.approx(expected, abs=0.02)


def test_the_frames_turn_at_the_noise_scale(frames: Frames, layers: Layers) -> None:
    scale = Problem().scale(Problem().start)
    for frame in frames("gradient-noise"):
        size, gained = int(frame["value"].removeprefix("B = ")), layers(frame, 1, "points")[0]["y"][0]
        assert ("Below" in frame["caption"]) == (size < 0.3 * scale)
        assert (gained > 0.5) == (size > scale)
    assert gained == pytest.approx(1.0, abs=1e-9), "all rows gain all"


def test_the_scale_grows_on_the_way(lesson: Lesson) -> None:
    scales = lesson("gradient-noise")["failures"][0]["figures"][0]["panels"][0]["layers"][0]["y"]
    assert np.all(np.diff(scales) > 0.0)
    assert scales[-1] > 1000.0 * scales[0]


def test_means_first_then_divide() -> None:
    problem = Problem()
    pairs, truth = two_batches(problem, 40000), noise_scale(problem.rows(problem.start))
    G = problem.rows(problem.start).mean(axis=0)
    error = pairs.std(axis=0) / np.sqrt(len(pairs))
    assert np.all(np.abs(pairs.mean(axis=0) - [G @ G, truth * (G @ G)]) < 4 * error)
    assert np.mean(pairs[:, 1] / pairs[:, 0] < 0.0) > 0.3
