"""The finding in one screen of a terminal."""

import unicodedata
from typing import Any

from fivefold.report.terminal import WIDTH, render_text
from fivefold.report.text import columns


def test_it_fits_one_screen(regression_record: dict[str, Any], classification_record: dict[str, Any]) -> None:
    for record in (regression_record, classification_record):
        lines = render_text(record).splitlines()
        assert len(lines) <= 28
        assert max(columns(line) for line in lines) <= WIDTH
        assert record["headline"].split()[0] in lines[0]


def test_it_says_what_matters(regression_record: dict[str, Any]) -> None:
    text = render_text(regression_record)
    assert "* log-splines" in text
    assert "boosted trees" in text
    assert "RMSE on unseen groups" in text
    assert "90% intervals cover" in text
    assert "does not hold: 90% intervals" in text
    assert "7 methods considered in 22 s; chosen: log-splines" in text
    assert "! The rows carry a date" in text


def test_hostile_names_cannot_steer_the_terminal(regression_record: dict[str, Any]) -> None:
    evil = "\x1b[31mred\x07\u202e" + "x" * 10_000
    for score in regression_record["test"]["scores"]:
        score["name"] = evil
    regression_record["headline"] = evil
    regression_record["warnings"] = [evil] * 9
    regression_record["drivers"][0]["name"] = evil
    text = render_text(regression_record)
    assert not any(unicodedata.category(c)[0] == "C" for c in text.replace("\n", ""))
    assert "⟨U+001B⟩" in text
    assert len(text.splitlines()) < 45
    assert "! and 6 more in the report" in text


def test_an_empty_record() -> None:
    assert render_text({}) == "This record of a fit holds no finding.\n"
    assert render_text(None) == "This record of a fit holds no finding.\n"  # type: ignore[arg-type]
