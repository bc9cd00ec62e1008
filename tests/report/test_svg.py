"""Figures become inline SVG: same bytes, text as text, no styles, ids of their own, nothing outside."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from fivefold.report.svg import axes, draw, logarithmic, plottable
from fivefold.report.theme import LIGHT


def paint(text: str) -> Any:
    def inner(figure: Any) -> None:
        panel = axes(figure, (50, 10, 30, 20))
        panel.plot([0, 1, 2], [1.0, 3.0, 2.0], "o-", color=LIGHT["blue"])
        panel.set_title(text)

    return inner


def test_the_same_picture_has_the_same_bytes() -> None:
    first = draw(paint("a"), (300, 200), "key", "title", "description")
    assert first == draw(paint("a"), (300, 200), "key", "title", "description")
    assert first != draw(paint("a"), (300, 200), "other", "title", "description")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "$\\frac{1}{2}$",
        "$a",
        "a$b$c",
        "x^2 \\$ \\alpha",
        ' id="k" url(#x) href="#y" #0b62a4',
        "地价 ₿ 🏠",
        "مرحبا",
    ],
)
def test_a_text_is_drawn_as_it_is(text: str) -> None:
    drawn = draw(paint(text), (300, 200), "key", text, text)
    tree = ET.fromstring(drawn)
    texts = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert text in texts
    names = {
        node.tag.split("}")[1]: node.text for node in tree if node.tag.split("}")[1] in {"title", "desc"}
    }
    assert names == {"title": text, "desc": text}
    assert not list(tree.iter("{http://www.w3.org/2000/svg}script"))
    assert not list(tree.iter("{http://www.w3.org/2000/svg}img"))


def test_it_holds_nothing_that_reaches_out_of_it() -> None:
    drawn = draw(paint("a"), (300, 200), "key", "title", "description")
    assert "<style" not in drawn
    assert "<metadata" not in drawn
    assert "<!" not in drawn
    assert re.findall(r"https?://[^\"]*", drawn) == ["http://www.w3.org/2000/svg"]


def test_ids_start_with_the_key_and_every_reference_resolves() -> None:
    drawn = draw(paint("a"), (300, 200), "key", "title", "description")
    ids = re.findall(r' id="([^"]*)"', drawn)
    used = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', drawn)
    assert all(name.startswith("key-") for name in ids)
    assert len(ids) == len(set(ids))
    assert used
    assert {a or b for a, b in used} <= set(ids)
    assert 'aria-labelledby="key-title key-desc"' in drawn


def test_colours_are_named_and_fonts_are_the_page_s() -> None:
    drawn = draw(paint("a"), (300, 200), "key", "title")
    assert "var(--blue)" in drawn
    assert LIGHT["blue"] not in drawn
    assert "DejaVu" not in drawn
    assert "var(--sans)" in drawn
    assert 'aria-labelledby="key-title"' in drawn


def test_logarithmic_ticks_lie_inside() -> None:
    def inner(figure: Any) -> None:
        panel = axes(figure, (50, 10, 30, 20))
        panel.set_yscale("log")
        logarithmic(panel.yaxis, 3.0, 900.0)
        panel.set_ylim(3, 900)

    drawn = draw(inner, (300, 200), "key", "t")
    texts = re.findall(r"<text[^>]*text-anchor: end[^>]*>([^<]*)<", drawn)
    assert texts == ["5", "10", "20", "50", "100", "200", "500"]


def test_what_cannot_be_placed() -> None:
    assert plottable(1.0)
    assert not any(plottable(v) for v in (None, float("nan"), float("inf"), 1e300))
