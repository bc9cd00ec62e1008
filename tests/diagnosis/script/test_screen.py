"""A screen: the finding first, within its width, without control characters."""

from dataclasses import replace

import pytest

from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.screen import BARS, HEIGHT, render_findings, render_outcome, sparkline
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
            "series": {"loss": [[0, 2.0], [5, 1.0]]},
        }
    ],
    written=[f"/tmp/file{i}" for i in range(20)],
    removed=["/tmp/gone"],
)


@pytest.mark.parametrize("width", [40, 80])
def test_the_order_and_the_width(width: int) -> None:
    text = render_outcome(OUTCOME, page="a.diagnosis/report.html", width=width)
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
        "script    unchanged",
        "page",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert text.splitlines()[-1] == "page      a.diagnosis/report.html"


def test_the_figures_and_the_files() -> None:
    text = render_outcome(OUTCOME)
    assert BARS in text.replace("▁▁", "▁") or "█" in text
    assert "loss 1 to 6.34e+29, by update" in text
    assert "net (Linear) with SGD: 1,234 updates, 7 in full" in text
    assert "wrote     20 files: /tmp/file0, /tmp/file1" in text
    assert "removed   1 file: /tmp/gone" in text
    assert "loss      █▁ 2 to 1" in text, "the loss of the training itself"


def test_colour_only_where_asked() -> None:
    assert "\x1b[1;31m1. the rate" in render_findings(OUTCOME.findings, colour=True)


def test_what_was_measured_in_depth_is_no_warning() -> None:
    notes = ["in depth, at update 3: a product of 2.5", "one thing was not seen", "in depth: noise: left out"]
    outcome = Outcome("t.py", Findings([], notes), "finished", updates=3, trainings=[{"models": ["net"]}])
    for screen in (render_outcome(outcome), render_findings(Findings([], notes))):
        lines = screen.splitlines()
        assert "in depth  at update 3: a product of 2.5" in lines
        assert [line for line in lines if line.startswith("!")] == [f"! {note}" for note in notes[1:]]


def test_nothing_found() -> None:
    assert render_findings(Findings([])) == "No finding."
    assert "CHANGED" in render_outcome(Outcome("a.py", unchanged=False))
    healthy = render_outcome(Outcome("a.py", Findings([]), "finished", updates=9), page="p")
    assert healthy.startswith("No finding: nothing was seen that keeps this training from learning; the page")
    assert render_outcome(Outcome("a.py", Findings([]))).startswith("No finding.\n")


@pytest.mark.parametrize("count", [1, 3, 4, 13, 100])
def test_one_screen_whatever_was_found(count: int) -> None:
    sure = ("high", "medium", "low")
    long = [Finding(f"a.{i}", f"title {i}", "word " * 400, sure[i % 3], "c " * 400, "f " * 400, (),
                    Place("a.py", 3), PICTURE) for i in range(count)]  # fmt: skip
    notes = [f"note {i} " * 50 for i in range(count)]
    trials = [
        {"status": "better", "change": "x " * 400, "measure": "loss", "before": 1.0, "after": 0.5}
    ] * count
    outcome = Outcome("a.py", Findings(long, notes), "finished", updates=5, seconds=1.0,
                      trainings=OUTCOME.trainings * count, written=["a" * 300] * count,
                      removed=["b" * 300])  # fmt: skip
    text = render_outcome(outcome, page="p/report.html", trials=trials)
    lines = text.splitlines()
    assert len(lines) <= HEIGHT
    assert text.startswith("1. title 0")
    assert f"and {count - 1} more" in text or "2. title" in text or count == 1
    alone = render_findings(Findings(long, notes[:1])).splitlines()
    assert len(alone) <= HEIGHT
    if count == 13:
        assert "2. title" in "\n".join(alone)
        assert sum(line[:1].isdigit() or line.startswith("and ") for line in alone) > 8, (
            "titles of the others"
        )


def test_what_the_fixes_did() -> None:
    trials = [
        {"status": "better", "change": "lr=10 becomes 0.1", "measure": "loss", "before": 2.0, "after": 0.25},
        {"status": "failed", "change": "x", "measure": 3, "before": None, "after": None},
        {"status": ["odd"]},
    ]
    text = render_outcome(OUTCOME, trials=trials)
    assert "tried     helped: lr=10 becomes 0.1 (loss 2 without, 0.25 with it)" in text
    assert "          failed: x" in text
    assert "          not judged:" in text
    assert "patch" not in text


def test_the_change_that_helped() -> None:
    lines = ["--- a/t.py", "+++ b/t.py", "@@ -1 +1 @@", "-        lr = 10", "+lr = \x1b0.1"]
    trial = {"status": "better", "change": "c", "diff": "\n".join(lines) + "\n"}
    text = render_outcome(OUTCOME, trials=[trial], page="a.diagnosis/report.html")
    assert "-        lr = 10\n" in text
    assert "+lr = ⟨U+001B⟩0.1\napply it  patch -p1 < a.diagnosis/fix.diff\n" in text
    elsewhere = replace(OUTCOME, path="my runs/a.py")
    assert "patch -d 'my runs' -p1 < a.diagnosis/fix.diff" in render_outcome(
        elsewhere, trials=[trial], page="a.diagnosis/report.html"
    )
    long = {**trial, "diff": "\n".join(lines * 100)}
    assert "lr = 10" not in render_outcome(OUTCOME, trials=[long], page="a.diagnosis/report.html")
    assert render_outcome(OUTCOME, trials=[long]).count("-        lr = 10") == 100, (
        "there is no file that holds it"
    )


def test_curves() -> None:
    assert sparkline([(float(i), float(i)) for i in range(8)]) == BARS
    assert len(sparkline([(float(i), float(i)) for i in range(1000)])) == 40
    assert sparkline([(0.0, 1.0)]) == ""
    assert sparkline([(0.0, -1.0), (1.0, 0.0)], logarithmic=True) == ""
    assert sparkline([(0.0, 3.0), (1.0, 3.0)]) == BARS[0] * 2
    assert sparkline([(0.0, 0.0), (1.0, float("inf"))]) == ""
