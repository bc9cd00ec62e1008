"""Pictures of a diagnosis: what cannot be drawn is left out, names are escaped, scales hold all values."""

import math
import re

import pytest

from fivefold.report.diagnosis_figures import MOST_ROWS, Curve, _bounds, bars, lines, parts

BAD = [math.nan, math.inf, -math.inf, 1e300]
HOSTILE = "</text><script>x</script>"


def texts(svg: str) -> list[str]:
    return re.findall(r">([^<>]+)</text>", svg)


def test_curves_and_their_names() -> None:
    two = [Curve("before", [(0, 1.0), (5, 2.0)], 0), Curve("after", [(0, 3.0), (5, 4.0)], 1)]
    svg = lines("k", "Loss", two, ("update", "loss"), description="it rose")
    assert {"before", "after", "update", "loss"} <= set(texts(svg))
    assert "<title" in svg
    assert "it rose</desc>" in svg
    one = lines("k", "Loss", two[:1], ("update", "loss"))
    assert "before" not in texts(one), "a lone curve is named by its axis"


def test_the_name_of_a_level_stands_where_there_is_room() -> None:
    crowd = [(float(i), 1.0 + 0.1 * (i % 3)) for i in range(20)]
    for points, side in (([*crowd, (100.0, 3.0)], "end"), ([(-80.0, 3.0), *crowd], "start")):
        svg = lines("k", "t", [Curve("a", points)], ("x", "y"), level=(1.0, "the edge"))
        assert re.findall(r"text-anchor: (\w+)[^>]*>the edge", svg) == [side]


@pytest.mark.parametrize("bad", BAD)
def test_values_that_cannot_be_placed(bad: float) -> None:
    svg = lines("k", "t", [Curve("a", [(0, 1.0), (1, bad), (2, 2.0), (bad, 1.0)])], ("x", "y"))
    assert svg.startswith("<svg")
    assert lines("k", "t", [Curve("a", [(0, bad)])], ("x", "y")) == ""
    assert bars("k", "t", ["a"], [("v", [bad])], "v") == ""
    assert bars("k", "t", ["a", "b"], [("v", [bad, 1.0])], "v", level=(bad, "l")).startswith("<svg")
    assert parts("k", "t", [("a", bad), ("b", 1.0)]).startswith("<svg")


def test_the_scale_is_logarithmic_where_values_span_it() -> None:
    wide = lines("k", "t", [Curve("a", [(0, 1e-6), (1, 1.0)])], ("x", "y"))
    narrow = lines("k", "t", [Curve("a", [(0, 0.9), (1, 1.0)])], ("x", "y"))
    assert any("10⁻" in text or text.startswith("0.0001") for text in texts(wide))
    assert not any("10⁻" in text for text in texts(narrow))
    assert lines("k", "t", [Curve("a", [(0, 0.0), (1, -1.0)])], ("x", "y"), log=True) == ""
    assert lines("k", "t", [Curve("a", [(0, 3.0), (1, 3.0)])], ("x", "y"), log=True).startswith("<svg")


def test_a_level_and_where_nothing_was_finite_any_more() -> None:
    svg = lines("k", "t", [Curve("a", [(0, 1.0), (9, 2.0)])], ("x", "y"), level=(5.0, "the edge"), stop=4.0)
    assert {"the edge", "not finite"} <= set(texts(svg))
    near = lines("k", "t", [Curve("a", [(0, 0.0), (9, 2.0)])], ("x", "y"), level=(0.0, "zero"))
    assert "zero" in texts(near) or near.startswith("<svg")


def test_bars_in_rows() -> None:
    svg = bars("k", "Dead", ["relu1", HOSTILE, "last"], [("share", [0.2, 0.9, None])], "share", share=True)
    shown = texts(svg)
    assert "relu1" in shown
    assert "last" not in shown, "no value, no row"
    assert "<script" not in svg
    assert "100%" in shown
    two = bars("k", "t", ["a", "b"], [("first", [1e-9, 1.0]), ("last", [1e-3, 1.0])], "g", log=True)
    assert {"first", "last"} <= set(texts(two))


def test_of_many_rows_the_ends_are_drawn() -> None:
    names = [f"layer{i}" for i in range(10_000)]
    shown = texts(bars("k", "t", names, [("v", [1.0] * 10_000)], "v"))
    drawn = [text for text in shown if text.startswith("layer")]
    assert len(drawn) == MOST_ROWS
    assert (drawn[0], drawn[-1]) == ("layer0", "layer9999")


def test_zero_on_a_logarithmic_axis_stands_at_its_end() -> None:
    svg = bars("k", "t", ["a", "b"], [("v", [0.0, 1.0])], "v", log=True)
    assert {"a", "b"} <= set(texts(svg))


def test_a_loss_that_grows_over_all_of_single_precision_is_shown_whole() -> None:
    points = [(float(i), 10.0 ** (4 * i - 40)) for i in range(20)]
    svg = lines("k", "t", [Curve("loss", points)], ("x", "y"))
    assert "0" in texts(svg), "the axis begins at the first update"
    assert len(re.findall(r"<use ", svg)) >= 20, "a mark each"


@pytest.mark.parametrize("last", [0.0, 5e-324, 1e-310, 1e-200])
def test_a_rate_that_is_halved_until_nothing_is_left(last: float) -> None:
    points = [(0.0, 3e-3), (1.0, 1.5e-3), (2.0, last)]
    assert lines("k", "t", [Curve("rate", points)], ("x", "y"), log=True).startswith("<svg")
    assert bars("k", "t", ["a", "b"], [("v", [1.0, last])], "v", log=True).startswith("<svg")


def test_parts_of_a_whole() -> None:
    shown = texts(parts("k", "Time", [("data", 3.0), ("forward", 1.0)]))
    assert "data 75%" in shown
    assert "forward 25%" in shown


@pytest.mark.parametrize("log", [False, True])
def test_every_value_lies_inside(log: bool) -> None:
    for values in ([1.0], [1.0, 1.0], [2.0, 3.0], [1e-9, 1e9], [0.5, 0.50001]):
        low, high = _bounds(values, (4.0, "l"), log)
        assert low < min(values)
        assert max(*values, 4.0) < high
        assert low > 0 or not log


def test_the_same_numbers_give_the_same_picture() -> None:
    drawn = [lines("k", "t", [Curve("a", [(0, 1.0), (1, 2.0)])], ("x", "y")) for _ in range(2)]
    assert drawn[0] == drawn[1]
