"""The section about what drives the prediction."""

from typing import Any

from fivefold.report.drivers import drivers


def test_importance_and_effects(regression_record: dict[str, Any]) -> None:
    view = drivers(regression_record)
    assert view["unit"] == "RMSE"
    assert view["rows"][0]["name"] == "lat"
    assert " to " in view["rows"][0]["span"]
    assert len(view["effects"]) == 6
    assert any("98004" in effect["figure"] for effect in view["effects"])
    assert view["undrawn"] == 1


def test_what_cannot_be_told_from_zero_is_named() -> None:
    found = [
        {"name": "sure", "importance": 2.0, "low": 1.0, "high": 3.0},
        {"name": "unsure", "importance": 0.1, "low": -0.1, "high": 0.3},
        {"name": "unknown", "importance": None},
    ]
    view = drivers({"drivers": found})
    assert view["unsure"] == ["unsure"]
    assert view["rows"][2]["value"] == "– (not measured)"
    assert "importance" in view["figure"]


def test_broken_curves_are_left_out() -> None:
    curves = [{"x": [1, 2], "y": ["a", None]}, {"x": [1], "y": [2]}, {"x": None}, "curve", None]
    view = drivers({"drivers": [{"name": "n", "importance": 1.0, "curve": c} for c in curves]})
    assert view["effects"] == []


def test_many_are_capped() -> None:
    view = drivers({"drivers": [{"name": f"n{i}", "importance": 1.0} for i in range(200)]})
    assert len(view["rows"]) == 60
    assert view["more"] == 140
