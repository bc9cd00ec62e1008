"""The lesson's walks rest only below 2/η, and flatten as the conserved quantity says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.sharpness import batch_sharpness, slope, walk
from fivefold.concepts.sharpness import sharpness

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_whoever_rests_is_below_the_edge(frames: Frames) -> None:
    said = set()
    for frame in frames("sharpness"):
        rate = float(frame["value"].removeprefix("η = "))
        path, caption = walk(rate), frame["caption"]
        rests = len(path) == 121 and abs(path[-1][0] * path[-1][1] - 1.0) < 1e-4
        end = float(np.sum(path[-1] ** 2))
        assert rests == ("rests" in caption or "comes to rest" in caption)
        if rests:
            assert end < 2.0 / rate
            assert sharpness(slope, path[-1]) == pytest.approx(end, rel=1e-3)
        if "thrown out" in caption:
            assert end < 2.0 / 0.3
        said.add(caption.split(":")[0])
    assert len(said) >= 3


def test_each_step_makes_the_layers_more_alike() -> None:
    path = walk(0.4)
    u, v = path.T
    expected = (u[:-1] ** 2 - v[:-1] ** 2) * (1.0 - 0.4**2 * (u[:-1] * v[:-1] - 1.0) ** 2)
    np.testing.assert_allclose(u[1:] ** 2 - v[1:] ** 2, expected, atol=1e-12)


def test_all_minima_compute_the_same(lesson: Lesson) -> None:
    sharp, dots, loss = lesson("sharpness")["failures"][0]["figures"][0]["panels"][0]["layers"]
    assert max(sharp["y"]) > 10.0 * min(sharp["y"])
    assert set(loss["y"]) == {0.0}
    np.testing.assert_allclose(dots["y"], np.array(dots["x"]) ** 2 + np.array(dots["x"]) ** -2.0, rtol=1e-3)


def test_a_batch_is_sharper_on_average() -> None:
    _, sharp = batch_sharpness(400)
    assert np.all(np.diff(sharp.mean(axis=1)) < 0.0)


def test_the_walls_stand_at_the_edges(lesson: Lesson) -> None:
    curves = lesson("sharpness")["geometry"]["figures"][0]["panels"][0]["layers"]
    for left, wall in zip(curves[::2], curves[1::2], strict=True):
        x, y = np.array(left["x"]), np.array(left["y"])
        assert np.all(y[x < 0.97 * wall["x"][0]] < 0.1)
        assert np.all(y[x > 1.05 * wall["x"][0]] > 10.0)
