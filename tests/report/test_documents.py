"""The section on words shows texts, escaped and cut."""

import pytest

from fivefold.report.documents import documents
from fivefold.report.page import render


def test_words_and_mistakes_are_shown_and_escaped():
    record = {
        "things": "texts",
        "words": [{"class": "<i>cat</i>", "words": ["purr", "<b>"]}],
        "examples": [{"name": "a", "text": "<script>x", "true": "cat", "found": "dog", "probability": 0.9}],
    }
    page = render(record)
    assert "&lt;i&gt;cat&lt;/i&gt;" in page
    assert "&lt;script&gt;x" in page
    assert "<script" not in page
    assert "90.0%" in page
    assert "unseen texts" in page
    assert "does not list the columns" not in page


@pytest.mark.parametrize("words", [None, 3, [3], [{}], [{"class": None, "words": "x"}]])
def test_a_broken_section_breaks_nothing(words):
    render({"words": words, "examples": words})


def test_what_is_too_much_is_cut():
    found = documents({"words": [{"class": str(i), "words": ["w"] * 99} for i in range(99)]})
    assert (len(found["classes"]), found["more"]) == (40, 59)
    assert found["classes"][0]["words"].count("w") == 12
