"""The pictures of a comparison: what is drawn, what is left out, and that labels stay apart."""

import math
from itertools import pairwise

import pytest

from fivefold.report.compare_figures import (
    Line,
    curves,
    eigenvalues,
    plane,
    profile,
    remaining,
    spread,
)

HOSTILE = "<b>\u202e$x$"


def lines(count: int) -> list[Line]:
    return [Line(f"method {i}", [0.0, 1.0, 10.0], [1.0, 0.1, 10.0**-i], i) for i in range(1, count + 1)]


def test_the_same_lines_give_the_same_bytes_and_nothing_is_loaded() -> None:
    first, again = (curves("k", "t", lines(3), ("x", "y"), xlog=True, steps=True) for _ in range(2))
    assert first == again
    for word in ("<script", "<style", "<image", "url(h", 'href="h'):
        assert word not in first


def test_every_method_is_named_at_its_end() -> None:
    drawn = curves("k", "t", lines(9), ("gradients", "gap"))
    for i in range(1, 10):
        assert f"method {i}<" in drawn
    assert "gradients" in drawn
    assert 'id="k-title"' in drawn


def test_values_that_are_no_numbers_are_left_out() -> None:
    drawn = curves("k", "t", [Line("a", [0.0, None, 2.0], [1.0, 1.0, math.nan])], ("x", "y"))
    assert drawn.startswith("<svg")
    assert curves("k", "t", [Line("a", [0.0], [0.0])], ("x", "y")) == ""
    assert curves("k", "t", [Line("a", [0.0], [0.0])], ("x", "y"), floor=1e-15).startswith("<svg")
    assert "nan" not in drawn.lower().replace("nance", "")


def test_a_mark_is_drawn_where_it_is_in_sight() -> None:
    ends = [Line("a", [1.0, 2.0], [1.0, 1e-8])]
    assert "solved here" in curves("k", "t", ends, ("x", "y"), mark=(1e-4, "solved here"))
    assert "solved here" not in curves("k", "t", ends, ("x", "y"), mark=(1e-20, "solved here"))


def test_names_are_escaped() -> None:
    drawn = curves("k", HOSTILE, [Line(HOSTILE, [0.0, 1.0], [1.0, 0.5])], (HOSTILE, HOSTILE))
    assert "<b>" not in drawn
    assert "\u202e" not in drawn


def test_methods_that_share_a_colour_differ_in_marker_and_dashes() -> None:
    first, sixth = Line("a", [], [], 0), Line("b", [], [], 5)
    assert first.colour == sixth.colour
    assert first.marker != sixth.marker
    assert first.dashes != sixth.dashes


@pytest.mark.parametrize("places", [[5.0, 5.0, 5.0], [1.0, 99.0, 98.0, 97.0], [50.0, 0.0], []])
def test_labels_are_spread_in_order_and_within_bounds(places: list[float]) -> None:
    found = spread(places, 10.0, 0.0, 100.0)
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in found)
    ordered = sorted(zip(places, found, strict=True))
    for (_, low), (_, high) in pairwise([p for _, p in ordered] and [(0, p) for _, p in ordered]):
        assert high - low >= 10 - 1e-9


def test_a_plane_needs_a_grid_and_a_path() -> None:
    grid = ([0.0, 1.0], [0.0, 1.0], [[0.0, 1.0], [1.0, None]])
    assert plane("p", Line("a", [1.0, 0.0], [1.0, 0.0]), grid, [0.5], ("up", "across")).startswith("<svg")
    assert plane("p", Line("a", [None], [1.0]), grid, [0.5], ("up", "across")) == ""
    assert plane("p", Line("a", [1.0], [1.0]), ([0.0], [0.0], [[0.0]]), [], ("u", "a")) == ""


def test_eigenvalues_name_their_ends() -> None:
    drawn = eigenvalues("e", [5.0, 1.0, 0.1, -1.0], ("area", "rooms"))
    assert "5: area" in drawn
    assert "0.1: rooms" in drawn
    assert "3 positive eigenvalues" in drawn


def test_what_is_left_and_profiles_need_something_to_draw() -> None:
    assert remaining("r", [], [Line("a", [1.0, 2.0], [0.5, 1e-12])]).startswith("<svg")
    assert remaining("r", [], [Line("a", [-1.0], [0.5])]) == ""
    assert "newton" in profile("f", [Line("newton", [1.0, 4.0], [0.5, 1.0])], [])
    assert profile("f", [Line("newton", [None], [0.5])], []) == ""
