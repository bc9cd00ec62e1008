"""Ranges and maps of coefficients that vary from place to place."""

from typing import Any

import pytest

from fivefold.report.local_map import dots_on_map, local_map
from fivefold.report.page import render


def _record() -> dict[str, Any]:
    return {
        "map": {
            "columns": ["longitude", "latitude"],
            "x": [-121.5, -121.4, -121.3],
            "y": [38.5, 38.6, 38.7],
            "rows": 30,
            "reach": 4.2,
            "unit": " km",
            "coefficients": [
                {"name": "sqft", "average": 0.4, "low": 0.3, "high": 0.5, "spread": 0.05, "error": 0.01,
                 "values": [0.3, 0.4, 0.5]},
                {"name": "<b>beds", "average": -0.1, "low": -0.2, "high": 0.0, "spread": 0.01, "error": 0.03,
                 "values": None},
            ],
        }
    }  # fmt: skip


def test_ranges_maps_and_what_noise_explains() -> None:
    view = local_map(_record())
    assert view is not None
    assert [row["sure"] for row in view["rows"]] == [True, False]
    assert "0.3" in view["rows"][0]["span"]
    assert "0.5" in view["rows"][0]["span"]
    assert [f["name"] for f in view["figures"]] == ["sqft"]
    assert view["reach"] == "4.2 km"


def test_the_page_shows_the_map_with_words_for_those_who_do_not_see_it() -> None:
    page = render({"title": "t", **_record()})
    assert "Where the coefficients differ" in page
    assert "3 places. Smallest 0.3 at" in page
    assert "sqft over the map" in page
    assert "&lt;b&gt;beds" in page
    assert "<b>beds" not in page


@pytest.mark.parametrize("part", [None, 3, {}, {"coefficients": None}, {"coefficients": ["x", 1]}])
def test_without_coefficients_there_is_no_map(part: object) -> None:
    assert local_map({"map": part}) is None
    assert "Where the coefficients differ" not in render({"map": part})


def test_broken_values_are_left_out() -> None:
    assert dots_on_map("m", "n", [(0.0, 0.0, None), (1.0, 1.0, 2.0)], ("x", "y")) == ""
    assert dots_on_map("m", "n", [(0.0, 0.0, 1e300), (1.0, float("nan"), 2.0)], ("x", "y")) == ""
    view = local_map({"map": {"coefficients": [{"values": ["a", {}]}], "x": 5, "columns": None}})
    assert view is not None
    assert view["figures"] == []
    assert view["rows"][0]["name"] == "(no name)"


def test_one_value_everywhere_is_drawn() -> None:
    assert dots_on_map("m", "n", [(0.0, 0.0, 2.0), (1.0, 1.0, 2.0)], ("x", "y")).startswith("<svg")


def test_many_are_capped() -> None:
    many = [{"name": f"n{i}", "values": [1.0, 2.0], "average": 1.0} for i in range(90)]
    view = local_map({"map": {"coefficients": many, "x": [0, 1], "y": [0, 1], "columns": ["x", "y"]}})
    assert view is not None
    assert (len(view["rows"]), view["more"], len(view["figures"])) == (30, 60, 3)
