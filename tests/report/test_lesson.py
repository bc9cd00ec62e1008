"""The page of a lesson from any plain record: escaped, whole, the same each time."""

import html
import re
import tokenize
from typing import Any

import pytest
from jinja2 import UndefinedError

from fivefold.report.lesson import content_security_policy, highlight, lesson_page

HOSTILE = "<script>alert('&\"')</script>"


def make_record(word: str = "word", **changes: Any) -> dict[str, Any]:
    layer = {"kind": "line", "x": [0.0, 1.0], "y": [1.0, 2.0], "colour": "blue", "label": word}
    panel = {"title": word, "layers": [layer], "xlabel": word, "legend": "upper left"}
    figure = {"alt": word, "caption": word, "panels": [panel]}
    frames = [{"value": f"{word} {i}", **figure} for i in range(3)]
    return {
        "version": 1,
        "name": word,
        "title": word,
        "mathematics": word,
        "idea": word,
        "formulas": [{"latex": r"a < b", "words": word}],
        "geometry": {"text": [word], "figures": [figure]},
        "vary": {"label": word, "text": word, "start": 1, "frames": frames},
        "failures": [{"title": word, "text": word, "figures": [figure]}],
        "code": f"x = {word!r}  # {word}\n",
        "path": word,
        "calls": [{"call": word, "text": word}],
        "related": [{"name": word, "title": word, "why": word}],
    } | changes


def test_every_value_is_escaped() -> None:
    text = lesson_page(make_record(HOSTILE))
    assert text.count("<script>") == 1, "the page's own and no other"
    assert HOSTILE not in text
    assert "alert(" not in re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)[0]
    assert html.escape(HOSTILE, quote=False) in text.replace("&#39;", "'").replace("&#34;", '"')


def test_parts_stand_in_their_order() -> None:
    text = lesson_page(make_record())
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads == [
        *("Formula", "Geometry", "Vary word", "How it fails", "The code", "Where fivefold uses it", "Next")
    ]
    assert text.count("<h1>") == 1
    assert text.index('class="frame on"') > text.index('data-value="word 0"') - 60


def test_the_same_record_gives_the_same_bytes() -> None:
    assert lesson_page(make_record()) == lesson_page(make_record())


def test_the_page_speaks_its_language_and_names_its_slider() -> None:
    text = lesson_page(make_record())
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert '<label for="slider">' in text
    assert '<output id="value" for="slider">word 1</output>' in text
    assert 'class="skip" href="#formula"' in text
    assert "@media print" in text
    assert "prefers-color-scheme:dark" in text


def test_one_picture_needs_no_number_and_two_do() -> None:
    figure = make_record()["geometry"]["figures"][0]
    pair = figure | {"panels": figure["panels"] * 2}
    text = lesson_page(make_record(geometry={"text": [], "figures": [pair]}))
    assert "word. word (picture 1 of 2)" in text
    assert "word. word (picture 2 of 2)" in text
    assert "picture 1 of 1" not in text


def test_a_missing_part_is_an_error_and_not_a_gap() -> None:
    record = make_record()
    del record["failures"]
    with pytest.raises(UndefinedError, match="failures"):
        lesson_page(record)
    del record["code"]
    with pytest.raises(KeyError, match="code"):
        lesson_page(record)


def test_an_unreadable_formula_is_an_error() -> None:
    with pytest.raises(ValueError, match="frac"):
        lesson_page(make_record(formulas=[{"latex": r"\frac{", "words": ""}]))


def test_the_policy_allows_nothing_else() -> None:
    parts = dict(part.split(" ", 1) for part in content_security_policy().split("; "))
    assert parts.pop("default-src") == "'none'"
    assert parts.pop("style-src") == "'unsafe-inline'"
    assert parts.pop("img-src") == "data:"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", parts.pop("script-src"))
    assert not parts


CODE = '''"""Text
over lines, with <angles>."""

from a import b


class Thing:  # a comment
    def run(self, x: int) -> str:
        return f"{x}" if x else 'none'
'''


def test_highlighting_changes_no_letter() -> None:
    assert "".join(text for _, text in highlight(CODE)) == CODE
    assert "".join(text for _, text in highlight("x")) == "x"
    assert highlight("") == []


def test_highlighting_knows_what_is_what() -> None:
    pieces = highlight(CODE)
    assert ("k", "class") in pieces
    assert ("n", "Thing") in pieces
    assert ("n", "run") in pieces
    assert ("c", "# a comment") in pieces
    assert ("s", "'none'") in pieces
    assert pieces[0][0] == "s"
    assert ("n", "self") not in pieces


def test_code_that_breaks_off_is_an_error() -> None:
    with pytest.raises(tokenize.TokenError):
        highlight("x = (1,\n")
