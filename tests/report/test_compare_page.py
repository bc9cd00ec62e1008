"""The page of a comparison: nothing runs, nothing is loaded, all is escaped, any part may be missing."""

import re
from typing import Any

import pytest

from fivefold.report.compare_page import render_comparison

HOSTILE = "<script>alert(1)</script>\u202e"


def method(name: str, rank: int, solved: bool) -> dict[str, Any]:
    return {
        "name": name,
        "rank": rank,
        "about": "what it does",
        "status": "converged" if solved else "out of budget",
        "reason": "a reason",
        "reached": {"gradients": 12.0 if solved else None, "seconds": 0.034 if solved else None},
        "gap": 0.0 if solved else 1e-3,
        "gradients": 20.0,
        "seconds": 0.5,
        "won": solved,
        "verdict": f"{name} did what it did.",
        "trajectory": {"gradients": [1, 12.0], "seconds": [0.0, 0.034], "gap": [1.0, 1e-12]},
        "along": {"length": [0.0, 1.0], "height": [1.0, 1e-12]},
        "left": {"eigenvalue": [2.0, 1.0], "share": [1e-9, 0.5]},
        "path": {"first": [1.0, 0.0], "second": [1.0, 0.0], "note": "Left: 0%."},
        "extreme_path": {"first": [1.0, 0.0], "second": [1.0, 0.0], "note": ""},
        "certificates": [
            {"claim": "F is finite", "kind": "proof", "holds": "yes" if solved else "no", "value": 1.0}
        ],
    }


def record(**more: Any) -> dict[str, Any]:
    grid = {
        "first": [0.0, 1.0],
        "second": [0.0, 1.0],
        "height": [[0.0, 1.0], [1.0, 2.0]],
        "levels": [0.5],
        "sentences": ["Up lies the steepest."],
    }
    problem = {
        "name": "price",
        "facts": [["Rows", "21,613"]],
        "methods": [method("newton", 1, True), method("adam", 0, False)],
        "level": 1e-6,
        "span": 1.0,
        "floor": 1e-15,
        "spectrum": {
            "values": [2.0, 1.0],
            "steepest": "area",
            "flattest": "rooms",
            "sentences": ["F bends twice as much."],
            "directions": [{"which": "steepest", "value": 2.0, "columns": ["area 90%"]}],
        },
        "plane": grid,
        "extremes": grid,
    }
    keys = [{"label": "Quickest", "value": "newton", "details": ["34 ms"], "tone": "good"}]
    return {
        "title": "newton on price",
        "headline": "newton finds the minimum.",
        "keys": keys,
        "problems": [problem],
        "rules": ["A rule."],
        "notes": ["A note."],
        "command": "fivefold compare a.csv --target price",
        "environment": {"torch": "2"},
        "seconds": 3.0,
        **more,
    }


def test_the_page_shows_the_finding_the_table_and_every_picture() -> None:
    page = render_comparison(record())
    for text in (
        "newton finds the minimum.",
        "newton did what it did.",
        "12",
        "34 ms",
        "not reached",
        "F bends twice as much.",
        "area 90%",
        "Up lies the steepest.",
        "A rule.",
        "A note.",
        "fivefold compare a.csv --target price",
        "all 1 hold",
        "0 of 1 hold",
        "10⁻⁶ of its drop",
    ):
        assert text in page, text
    # two trajectories, the path's loss, two of curvature, two planes for each of two methods
    assert page.count("<svg") == 9


def test_nothing_runs_and_nothing_is_loaded() -> None:
    page = render_comparison(record())
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "default-src &#39;none&#39;" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_method_keeps_its_colour_whatever_its_place() -> None:
    page = render_comparison(record())
    assert '<span class="swatch orange"></span><bdi>newton</bdi>' in page
    assert '<span class="swatch blue"></span><bdi>adam</bdi>' in page


def test_profiles_of_several_problems() -> None:
    methods = [
        {
            "name": "newton",
            "share": [0.5, 1.0],
            "lower": [0.2, 0.5],
            "upper": [0.7, 1.0],
            "solved": 1.0,
            "area": 0.8,
        }
    ]
    one = record()["problems"][0]
    page = render_comparison(
        record(profiles={"factors": [1.0, 4.0], "methods": methods}, problems=[one, {**one, "name": "size"}])
    )
    assert "Over all problems" in page
    assert ">size<" in page.replace("<bdi>", "").replace("</bdi>", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"problems": [{}]},
        {"problems": [{"methods": [{}], "spectrum": {"values": ["x"]}, "plane": {"first": 3}}]},
        {"problems": "none", "keys": 3, "profiles": [1], "environment": None},
        {"problems": [{"methods": [{"trajectory": 5, "reached": [], "rank": -4}], "facts": [1, ["a"]]}]},
    ],
)
def test_any_part_may_be_missing_or_of_another_type(wrong: dict[str, Any]) -> None:
    assert "</html>" in render_comparison(wrong)


def test_texts_are_hostile() -> None:
    bad = method(HOSTILE, 0, True)
    bad |= {"about": HOSTILE, "reason": HOSTILE, "verdict": HOSTILE, "status": HOSTILE}
    page = render_comparison(
        record(
            headline=HOSTILE,
            title=HOSTILE,
            target=HOSTILE,
            source=HOSTILE,
            rules=[HOSTILE],
            command=HOSTILE,
            problems=[{"name": HOSTILE, "methods": [bad], "facts": [[HOSTILE, HOSTILE]]}],
        )
    )
    assert "<script" not in page
    assert "\u202e" not in page


def test_long_lists_are_cut_and_counted() -> None:
    many = [method(f"m{i}", i, False) for i in range(25)]
    page = render_comparison(record(problems=[{"methods": many}] * 13))
    assert "and 5 more methods" in page
    assert "and 1 more problems" in page
