"""Panels and formulas: every kind of layer, theme colours alone, the same bytes each time."""

import re
from typing import Any

import pytest

from fivefold.report.lesson_figure import formula_svg, panel_svg

X = [0.0, 0.5, 1.0]
LAYERS: list[dict[str, Any]] = [
    {"kind": "line", "x": X, "y": X, "colour": "blue", "dashed": True, "marker": "o"},
    {"kind": "points", "x": X, "y": X, "colour": "orange"},
    {"kind": "arrow", "start": [0.0, 0.0], "to": [1.0, 1.0], "colour": "green"},
    {"kind": "contour", "x": X, "y": X, "z": [[0, 1, 2], [1, 2, 3], [2, 3, 4]], "levels": [1.5, 2.5]},
    {"kind": "bars", "x": X, "height": X, "colour": "purple"},
    {"kind": "band", "x": X, "low": [0, 0, 0], "high": X, "colour": "red", "alpha": 0.3},
    {"kind": "polygon", "x": X, "y": [0, 1, 0], "colour": "grey"},
    {"kind": "text", "x": 0.5, "y": 0.5, "text": "a <word> & $x$", "box": True},
    {"kind": "picture", "z": [[0, 1], [1, 0]], "low": 0.0, "high": 1.0},
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: str(layer["kind"]))
def test_every_layer_leaves_a_mark_in_the_theme_s_colours(layer: dict[str, Any]) -> None:
    options = {"xlim": [0, 1], "ylim": [0, 1]}
    empty = panel_svg({"layers": [], **options}, "k", "what it shows")
    drawn = panel_svg({"layers": [layer], **options}, "k", "what it shows")
    assert len(drawn) > len(empty)
    if "colour" in layer:
        assert drawn.count(f"var(--{layer['colour']})") > empty.count(f"var(--{layer['colour']})")
    assert not re.search(r"#[0-9a-f]{6}\b", drawn), "a colour outside the theme"
    assert "what it shows</title>" in drawn


def test_text_is_text() -> None:
    drawn = panel_svg({"layers": [LAYERS[7]]}, "k", "a")
    assert "a &lt;word&gt; &amp; $x$" in drawn


def test_options_reach_the_axes() -> None:
    panel = {"layers": [LAYERS[0] | {"label": "the line"}], "title": "head", "xlabel": "across"}
    panel |= {"xlim": [0.01, 100], "ylim": [0.01, 100], "xlog": True, "ylog": True, "legend": "upper left"}
    panel |= {"yticks": [[0.1, "a tenth"], [10.0, "ten"]]}
    drawn = panel_svg(panel, "k", "a")
    for word in ("the line", "head", "across", "a tenth", "ten"):
        assert f">{word}<" in drawn
    bare = panel_svg({"layers": [LAYERS[0]], "bare": True, "equal": True, "xlabel": "across"}, "k", "a")
    assert "across" not in bare


def test_the_same_panel_gives_the_same_bytes() -> None:
    panel = {"layers": LAYERS[:-1]}
    assert panel_svg(panel, "k", "a") == panel_svg(panel, "k", "a")
    assert panel_svg(panel, "k", "a") != panel_svg(panel, "j", "a")


def test_unknown_words_are_refused() -> None:
    with pytest.raises(KeyError, match="pie"):
        panel_svg({"layers": [{"kind": "pie"}]}, "k", "a")
    with pytest.raises(KeyError, match="pink"):
        panel_svg({"layers": [LAYERS[0] | {"colour": "pink"}]}, "k", "a")


def test_a_formula_is_outlines_with_its_source_beside() -> None:
    drawn = formula_svg(r"\sum_i x_i < \frac{1}{2}", "f")
    assert "<text" not in drawn
    assert "<path" in drawn
    assert r"\sum_i x_i &lt; \frac{1}{2}</title>" in drawn
    assert "var(--ink)" in drawn
    assert drawn == formula_svg(r"\sum_i x_i < \frac{1}{2}", "f")


def test_a_longer_formula_is_wider() -> None:
    widths = [
        float(re.search(r'viewBox="0 0 (\d+)', formula_svg(latex, "f"))[1])  # type: ignore[index]
        for latex in ("x", "x + y", "x + y + z")
    ]
    assert widths == sorted(widths)


def test_a_formula_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="nosuchcommand"):
        formula_svg(r"\nosuchcommand", "f")
