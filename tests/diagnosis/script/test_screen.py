"""A screen: the finding first, within its width, without control characters."""

import pytest

from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.screen import BARS, render_findings, render_outcome, sparkline
from fivefold.report.text import columns

PICTURE = Picture(
    "t", "update", "loss", {"loss": tuple((float(i), 2.0**i) for i in range(100))}, logarithmic=True
)
FOUND = Finding(
    "rate.high",
    "the rate \x1b[31mis too high",
    "word " * 60,
    "high",
    "cause",
    "fix",
    (),
    Place("a.py", 3),
    PICTURE,
)
OUTCOME = Outcome(
    "a.py",
    Findings([FOUND, Finding("b.c", "second", "e", "low", "", "f")], ["something was not seen"]),
    "finished",
    updates=5,
    seconds=2.0,
    trainings=[
        {
            "models": ["net (Linear)"],
            "optimizers": ["SGD", "SGD"],
            "updates": 1234,
            "watched": 7,
            "spent": 0.1,
        }
    ],
    written=[f"/tmp/file{i}" for i in range(20)],
    removed=["/tmp/gone"],
)


@pytest.mark.parametrize("width", [40, 88])
def test_the_order_and_the_width(width: int) -> None:
    text = render_outcome(OUTCOME, width=width)
    assert "\x1b" not in text
    assert all(columns(line) <= width for line in text.splitlines())
    order = [
        "1. the rate",
        "place",
        "evidence",
        "cause",
        "fix",
        "2. second",
        "! something",
        "watched",
        "wrote",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert text.splitlines()[-1] == "script    unchanged"


def test_the_figures_and_the_files() -> None:
    text = render_outcome(OUTCOME)
    assert BARS in text.replace("▁▁", "▁") or "█" in text
    assert "loss 1 to 6.34e+29, by update" in text
    assert "net (Linear) with SGD: 1,234 updates, 7 in full" in text
    assert "and 8 more (--json lists all)" in text
    assert "removed   /tmp/gone" in text


def test_colour_only_where_asked() -> None:
    assert "\x1b[1;31m1. the rate" in render_findings(OUTCOME.findings, colour=True)


def test_nothing_found_and_too_much() -> None:
    assert render_findings(Findings([])) == "No finding."
    many = Findings([Finding(f"a.{i}", f"t{i}", "e", "low", "c", "f") for i in range(13)])
    assert render_findings(many).endswith("and 3 more (--json prints all)")
    assert "CHANGED" in render_outcome(Outcome("a.py", unchanged=False))


def test_curves() -> None:
    assert sparkline([(float(i), float(i)) for i in range(8)]) == BARS
    assert len(sparkline([(float(i), float(i)) for i in range(1000)])) == 40
    assert sparkline([(0.0, 1.0)]) == ""
    assert sparkline([(0.0, -1.0), (1.0, 0.0)], logarithmic=True) == ""
    assert sparkline([(0.0, 3.0), (1.0, 3.0)]) == BARS[0] * 2
    assert sparkline([(0.0, 0.0), (1.0, float("inf"))]) == ""
