"""Hostile texts become harmless: hidden characters visible, lengths bounded, rows of one line."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.report.text import clean, code, columns, pad, shorten


@given(st.text(alphabet=st.characters(), max_size=200), st.integers(2, 80))
@settings(max_examples=300, deadline=None)
def test_no_hidden_character_survives(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert columns(shown) <= limit
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize(
    ("hidden", "seen"),
    [
        ("\u202e", "⟨U+202E⟩"),
        ("\u2066", "⟨U+2066⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\x1b", "⟨U+001B⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\x00", "⟨U+0000⟩"),
    ],
)
def test_hidden_characters_are_seen(hidden: str, seen: str) -> None:
    assert clean(f"a{hidden}b") == f"a{seen}b"


def test_marks_do_not_pile_up_and_letters_keep_theirs() -> None:
    assert clean("e" + "\u0301" * 50) == "e" + "\u0301" * 3
    assert clean("ñandú") == "ñandú"


def test_markup_is_left_to_the_escaping() -> None:
    assert clean("<b>&") == "<b>&"


def test_ten_thousand_characters_become_few() -> None:
    assert clean("a" * 10_000, 20) == "a" * 19 + "…"


def test_numbers_are_texts_and_what_holds_no_words_is_empty() -> None:
    assert clean(3.5) == "3.5"
    for value in (None, [1, "a"], (), {"a": 1}, float("nan"), float("inf")):
        assert clean(value) == ""


def test_columns_count_wide_letters_twice() -> None:
    assert columns("价") == 2
    assert columns(shorten("价" * 10, 7)) <= 7
    assert columns(pad("价a", 8)) == 8
    assert pad("7", 3, right=True) == "  7"


def test_code_keeps_lines_and_says_what_was_cut() -> None:
    shown = code("{\n   'a': \u202e1\n}" + "x" * 50, 20)
    assert shown.splitlines()[1] == "   'a': ⟨U+202E⟩1"
    assert shown.endswith("more characters")
