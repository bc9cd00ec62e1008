"""The pictures show the numbers they are given, at the right place, and survive what cannot be shown."""

import re

import pytest

from fivefold.report import figures
from fivefold.report.figures import Dot


def positions(drawn: str, colour: str) -> list[tuple[float, float]]:
    """Centres of the markers of a colour."""
    found = re.findall(rf'<use href="[^"]*" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--{colour}\)', drawn)
    return [(float(x), float(y)) for x, y in found]


def test_dots_lie_in_the_order_of_their_values() -> None:
    lines = [Dot("a", 1.0, 0.5, 1.5), Dot("b", 2.0, 1.0, 3.0), Dot("c", 4.0)]
    found = positions(figures.dots("k", "t", lines, "error"), "blue")
    (xa, ya), (xb, yb), (xc, yc) = found
    assert ya < yb < yc
    # An affine axis keeps ratios: c is three times as far from a as b.
    assert (xc - xa) == pytest.approx(3 * (xb - xa), rel=2e-3)


def test_lines_without_a_value_are_left_out() -> None:
    lines = [Dot("seen", 1.0), Dot("unseen", None), Dot("huge", 1e300), Dot("wrong", float("nan"))]
    drawn = figures.dots("k", "t", lines, "error")
    assert "seen" in drawn
    assert not any(name in drawn for name in ("unseen", "huge", "wrong"))


def test_one_line_or_equal_values_are_no_trouble() -> None:
    assert figures.dots("k", "t", [Dot("a", 0.0, 0.0, 0.0)], "error")
    assert figures.dots("k", "t", [Dot("a", 5.0), Dot("b", 5.0)], "error", zero=True)


def test_labels_are_cut_and_escaped() -> None:
    drawn = figures.dots("k", "t", [Dot("<script>" + "x" * 10_000, 1.0, note="$1$")], "<b>$x$")
    assert "&lt;script&gt;xxx" in drawn
    assert "<script" not in drawn
    assert "$1$" in drawn
    assert len(drawn) < 20_000


def test_long_labels_that_begin_alike_can_be_told_apart() -> None:
    names = [f"speedrun 16-64-64 at 28 x 28{change}" for change in ("", ", moved", ", moved and mirrored")]
    drawn = figures.dots("k", "t", [Dot(name, 1.0) for name in names], "log loss")
    assert ", moved<" in drawn
    assert "moved and mirrored<" in drawn
    assert drawn.count("at 28 x 28<") == 1


def test_points_of_a_scatter_lie_on_both_axes_alike() -> None:
    drawn = figures.scatter("k", [(100.0, 100.0, None, None), (1000.0, 1000.0, 500.0, 2000.0)], log=True)
    (xa, ya), (xb, yb) = positions(drawn, "blue")
    assert xa < xb
    assert ya > yb
    assert "1 of 1 lie within" in drawn


def test_a_logarithmic_scatter_leaves_out_what_is_not_positive() -> None:
    assert figures.scatter("k", [(0.0, 1.0, None, None), (-1.0, 1.0, None, None)], log=True) == ""
    assert figures.scatter("k", [(0.0, 0.0, None, None)], log=False)
    assert figures.scatter("k", [(3.0, 3.0, None, None)], log=True)


def test_the_spectrum_leaves_out_zeros() -> None:
    drawn = figures.spectrum("k", [10.0, 5.0, 1e-12, 0.0, float("nan")], 1.9)
    assert len(positions(drawn, "blue")) == 2
    assert "effective rank 1.9" in drawn
    assert figures.spectrum("k", [], None) == ""
    assert figures.spectrum("k", [7.0], 1.0)


def test_a_curve_needs_two_points() -> None:
    assert figures.curve("k", "n", [(1, 2, None, None), (1, 3, None, None)], ("x", "y")) == ""
    drawn = figures.curve("k", "n", [(1, 2, 1, 3), (2, 1, 0, 2), (3, 5, 4, 6)], ("x", "y"))
    assert "rises and falls" in drawn
    assert "rises throughout" in figures.curve("k", "n", [(1, 2, 1, 3), (2, 4, 3, 5)], ("n", "y"))
    assert "falls throughout" in figures.curve("k", "n", [(1, 2, 1, 3), (2, 1, 0, 5)], ("n", "y"))


def test_bars_of_a_sparkline_are_in_proportion() -> None:
    drawn = figures.sparkline([1, 2, 0, "x", float("nan")], "label")
    heights = [float(h) for h in re.findall(r"v-([\d.]+)h", drawn)]
    assert heights == [11.0, 22.0]
    assert figures.sparkline([0, 0], "label") == ""
    assert figures.sparkline([], "label") == ""


def test_what_lies_aside_becomes_an_arrow_where_it_presses_the_others_together() -> None:
    near = [Dot("a", 1.0, 0.9, 1.1), Dot("b", 1.2, 1.1, 1.3)]
    drawn = figures.dots("k", "t", [*near, Dot("far", 9.0, 8.0, 10.0, "9", "grey", "v", aside=True)], "error")
    (xa, _), (xb, _) = positions(drawn, "blue")
    ((far, _),) = positions(drawn, "grey")
    assert xb - xa > 60
    assert far > xb
    assert ">9<" in drawn
    close = figures.dots("k", "t", [*near, Dot("c", 1.4, colour="grey", aside=True)], "error")
    (xa, _), (xb, _) = positions(close, "blue")
    ((xc, _),) = positions(close, "grey")
    assert xc - xb == pytest.approx(xb - xa, rel=2e-3)
    assert figures.dots("k", "t", [Dot("only", 9.0, aside=True)], "error")
