"""The lesson's batches: small ones hover, large ones do not arrive, sorted ones go astray."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons.stochastic_gradient_descent import ground, regression

Frames = Callable[[str], list[dict[str, Any]]]
Layers = Callable[[dict[str, Any], int, str], list[dict[str, Any]]]
Lesson = Callable[[str], dict[str, Any]]


def test_the_ground_is_the_squared_error_of_the_sales() -> None:
    X, y = regression()
    w, here = np.array([0.2, -0.3]), ground()
    assert here.value(w) == pytest.approx(0.5 * np.mean((X @ w - y) ** 2), rel=1e-12)
    np.testing.assert_allclose(here.gradient(w), X.T @ (X @ w - y) / 800, rtol=1e-10)
    np.testing.assert_allclose(here.floors[0], np.linalg.lstsq(X, y, rcond=None)[0], rtol=1e-10)
    assert 2.0 / np.linalg.eigvalsh(here.hessian(w))[-1] == pytest.approx(1.86, abs=0.01)


def test_small_batches_hover_and_large_ones_do_not_arrive(frames: Frames, layers: Layers) -> None:
    late = {}
    for frame in frames("stochastic-gradient-descent"):
        heights = layers(frame, 1, "line")[0]["y"]
        late[int(frame["value"].removeprefix("b = "))] = float(np.mean(heights[-max(1, len(heights) // 6) :]))
    assert late[1] > 5 * late[16] > 5 * late[64]
    assert late[800] > 100 * late[64]
    first, *_, last = frames("stochastic-gradient-descent")
    assert " 2400 steps;" in first["caption"]
    assert " 3 steps;" in last["caption"]


def test_sorted_rows_lead_astray(lesson: Lesson) -> None:
    rates, order = (
        failure["figures"][0]["panels"][0]["layers"]
        for failure in lesson("stochastic-gradient-descent")["failures"]
    )
    medians = [float(np.median(layer["y"][50:])) for layer in rates]
    assert medians[0] < 0.3 * medians[1] < 0.3 * 0.3 * medians[2]
    astray, shuffled = (
        np.hypot(layer["x"][-1] - ground().floors[0][0], layer["y"][-1] - ground().floors[0][1])
        for layer in order
        if layer["kind"] == "line"
    )
    assert astray > 2 * shuffled
