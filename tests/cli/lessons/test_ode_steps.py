"""The lesson's orders, limits and failures are those that it tells."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons import ode_steps
from fivefold.cli.lessons.king_county import sales

Lesson = Callable[[str], dict[str, Any]]


def curves(figure: dict[str, Any], panel: int) -> dict[str, dict[str, Any]]:
    return {layer["label"]: layer for layer in figure["panels"][panel]["layers"] if layer.get("label")}


def test_the_errors_have_their_orders(lesson: Lesson) -> None:
    errors = curves(lesson("ode-steps")["geometry"]["figures"][0], 1)
    for name, order in (("Euler", 1), ("midpoint", 2), ("RK4", 4)):
        curve = errors[f"{name}, order {order}"]
        h, off = np.log(curve["x"][4:]), np.log(curve["y"][4:])
        assert np.polyfit(h, off, 1)[0] == pytest.approx(order, abs=0.1)


def test_the_valley_is_that_of_the_sales() -> None:
    H, best = ode_steps._prices()
    found = sales()
    area = found["sqft_living"]
    r = np.corrcoef(area, np.log(area))[0, 1]
    np.testing.assert_allclose(H, [[1.0, r], [r, 1.0]], rtol=1e-12)
    columns = np.stack([(v - v.mean()) / v.std() for v in (area, np.log(area))], axis=1)
    fit = np.linalg.lstsq(np.column_stack([np.ones(800), columns]), np.log(found["price"]), rcond=None)[0]
    np.testing.assert_allclose(best, fit[1:], rtol=1e-9)


def test_descent_needs_fewer_gradients_than_runge_kutta(lesson: Lesson) -> None:
    figure = lesson("ode-steps")["geometry"]["figures"][1]
    losses = curves(figure, 1)
    euler, rk4 = losses["Euler, η = 0.95 · 2/λ"], losses["RK4, h = 0.95 · 2.79/λ"]
    at = 120
    assert np.interp(at, euler["x"], euler["y"]) < 0.1 * np.interp(at, rk4["x"], rk4["y"])
    assert losses["Euler, η = 1.02 · 2/λ"]["y"][-1] > 100.0
    flow = curves(figure, 0)["flow"]
    assert np.hypot(flow["x"][-1] - 0.22, flow["y"][-1] - 0.16) < 0.02


def test_factors_and_walks_agree(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    for frame in frames("ode-steps"):
        h = float(frame["value"].removeprefix("h = "))
        z = -ode_steps._FAST * h
        series = {"Euler": 1 + z, "midpoint": 1 + z + z**2 / 2}
        series["RK4"] = series["midpoint"] + z**3 / 6 + z**4 / 24
        for curve in layers(frame, 0, "line")[1:]:
            factor = abs(series[curve["label"]])
            said = re.search(rf"([\d.]+) with {curve['label']}( \(it grows\))?", frame["caption"])
            assert said is not None
            assert float(said[1]) == pytest.approx(factor, abs=0.006)
            assert bool(said[2]) == (factor > 1 + 1e-9)
            # A walk that grows leaves the picture or is far off at its end; one that shrinks is not.
            far = abs(curve["y"][-1] - np.exp(-curve["x"][-1]))
            assert (far > 0.5) == (factor > 1.1) or 0.9 < factor < 1.2


@pytest.mark.parametrize(("name", "step", "_colour", "_marker", "order"), ode_steps._METHODS)
def test_boundaries_are_where_the_factor_is_one(
    name: str, step: Any, _colour: str, _marker: str, order: int
) -> None:
    x, y = ode_steps._boundary(step, order)
    np.testing.assert_allclose(np.abs(ode_steps.growth(step, x + 1j * y)), 1.0, rtol=1e-9)
    assert np.hypot(x[-1] - x[0], y[-1] - y[0]) < 1e-6, f"{name}: the curve closes"
    assert x.min() == pytest.approx(-2.785 if order == 4 else -2.0, abs=0.01)


def test_stiffness_costs_steps_but_not_implicit_ones(lesson: Lesson) -> None:
    steps = curves(lesson("ode-steps")["failures"][0]["figures"][0], 0)
    for name, limit in (("Euler", 2.0), ("midpoint", 2.0), ("RK4", 2.785)):
        # From t = 0 to 2 with h < limit / λ.
        assert steps[name]["y"][-1] == pytest.approx(2.0 * 10_000 / limit, rel=0.08)
    assert len(set(steps["implicit Euler"]["y"][1:])) == 1


def test_the_circle_is_left_outwards_and_inwards(lesson: Lesson) -> None:
    radii = curves(lesson("ode-steps")["failures"][1]["figures"][0], 1)
    assert radii["Euler"]["y"][-1] == pytest.approx(1.04**31.5, rel=1e-3)
    assert radii["implicit Euler"]["y"][-1] == pytest.approx(1.04**-31.5, rel=1e-3)
    assert radii["RK4"]["y"][-1] == pytest.approx(1.0, abs=1e-3)
