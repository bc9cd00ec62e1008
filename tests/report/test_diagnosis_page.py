"""The page of a diagnosis: findings first, nothing runs, nothing is loaded, all is escaped and bounded."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from fivefold.report.diagnosis_page import headline, key_numbers, render_diagnosis

from .test_diagnosis_finding import PICTURE
from .test_diagnosis_training import SERIES

HOSTILE = "<script>alert(1)</script>\u202e\x00"
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Checker(HTMLParser):
    """Collects tags, ids, and what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.pointed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "a handler"
            if name == "id":
                self.ids.append(str(value))
            if name == "aria-labelledby":
                self.pointed += str(value).split()
            if name in {"href", "src", "xlink:href"}:
                assert str(value).startswith("#"), "nothing outside the page"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(page: str) -> Checker:
    found = Checker()
    found.feed(page)
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.pointed) <= set(found.ids)
    assert "script" not in found.tags
    return found


def entry(**more: Any) -> dict[str, Any]:
    return {
        "code": "rate.too-high", "title": "the rate is too high", "confidence": "high", "evidence": "2.5 > 2",
        "cause": "a large step", "fix": "a smaller one", "place": {"path": "train.py", "line": 12},
        "excerpt": {"first": 11, "line": 12, "lines": ["a = 1", "lr = 10"]}, "picture": PICTURE,
        "replay": {"title": "log.default in mid, update 7", "file": "update-7.replay.safetensors",
                   "columns": ["given", "lowest"], "rows": [["self", "-0.25"], ["gradient", ""]],
                   "said": ["made again, it gives nan at [0]", "self there: -0.25", "gradient there: 1"]},
        **more,
    }  # fmt: skip


def record(**more: Any) -> dict[str, Any]:
    return {
        "subject": "train.py",
        "command": "fivefold diagnose train.py",
        "findings": [entry(),
                     entry(title="too short", confidence="low", code="fit.unfinished", picture=None)],
        "notes": ["one evaluation was not seen"],
        "script": {"path": "train.py", "ended": "finished", "exit_code": 0, "unchanged": True,
                   "updates": 50,
                   "seconds": 9.0, "arguments": ["--lr", "10"]},
        "trainings": [{"models": ["net (MLP)"], "optimizers": ["SGD"], "updates": 50, "watched": 20,
                       "seconds": 9.0, "spent": 0.4, "series": SERIES}],
        "files": {"written": ["model.pt"], "removed": ["old.pt"]},
        "trials": [{"change": "lr=10 becomes lr=0.1", "status": "better", "measure": "test loss",
                    "before": 2.0,
                    "after": 0.5, "diff": "-a\n+b",
                    "curves": {"before": {"training": [[0, 2.0], [9, 2.1]]},
                               "after": {"training": [[0, 2.0], [9, 0.4]]}}}],
        "looked_for": [{"question": "Is the rate right?", "codes": ["rate."]},
                       {"question": "Does it train long enough?", "codes": ["fit."]},
                       {"question": "Are numbers finite?", "codes": ["nonfinite."]}],
        "calibration": {"rows": [{"confidence": "high", "right": 81, "said": 89, "low": 0.83, "high": 0.95}],
                        "sentences": ["Counted on scripts."]},
        **more,
    }  # fmt: skip


def light(**more: Any) -> dict[str, Any]:
    """Without pictures, which take their time to draw and are tested by themselves."""
    plain = entry(picture=None)
    trial = {**record()["trials"][0], "curves": {}}
    training = {**record()["trainings"][0], "series": {}}
    return record(findings=[plain, plain], trials=[trial], trainings=[training], **more)


def test_the_findings_stand_first_and_everything_is_there() -> None:
    page = render_diagnosis(record())
    checked(page)
    order = [
        "The rate is too high</h1>",
        "Found with high confidence. 1 more finding stands below.",
        'id="findings"',
        "A smaller one",
        "lr = 10",
        "log.default in mid, update 7",
        "<code>self</code></th><td>-0.25</td>",
        "<code>gradient</code></th><td>–</td>",
        "Made again, it gives nan at [0] (self there: -0.25; gradient there: 1).",
        "<code>update-7.replay.safetensors</code>, beside this page",
        "All that was looked for (3 questions)",
        'id="tried"',
        "lr=10 becomes lr=0.1",
        'id="training"',
        "with SGD: 50 updates, 20 of them seen in full",
        'id="unseen"',
        "one evaluation was not seen",
        "--lr 10",
        "model.pt",
        "old.pt",
        'id="checks"',
        "81 of 89",
        "83% to 95%",
        "fivefold diagnose train.py",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert page.count('class="here"') == 2, "one line for each finding"
    assert page.count('class="body"') == page.count('class="body alone"') == 1, "one of two has a picture"
    assert "Content-Security-Policy" in page
    assert "default-src &#39;none&#39;" in page
    rows = re.findall(r"<tr><th scope=\"row\">([^<]+)</th><td><span class=\"badge (\w*)\">([^<]+)", page)
    assert ("Is the rate right?", "bad", "found") in rows
    assert ("Does it train long enough?", "open", "worth a look") in rows
    assert ("Are numbers finite?", "good", "nothing found") in rows


def test_headings_and_alternatives_for_those_who_do_not_see() -> None:
    page = render_diagnosis(record())
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels)) or 4 in levels
    for svg in re.findall(r"<svg.*?</svg>", page, re.S):
        assert 'role="img"' in svg
        assert "<title" in svg
        assert "<desc" in svg
    scrolls = page.count("<pre class=") + page.count("table given")
    assert page.count('tabindex="0"') == scrolls, "what scrolls can be reached by keys"


def test_a_healthy_training() -> None:
    page = render_diagnosis(light() | {"findings": [], "trials": []})
    checked(page)
    assert "Nothing was found that keeps this training from learning</h1>" in page
    assert "<details>" not in page, "what was looked for stands open"
    assert page.count("nothing found</span>") == 3
    assert 'id="tried"' not in page
    assert key_numbers(record(findings=[]))[0]["tone"] == "good"


def test_what_looks_in_depth_measured_stands_with_the_training() -> None:
    notes = [
        "in depth, at update 3: rate times sharpness is 2.5",
        "training 2 (net (a)): in depth, at update 4: less",
        "in depth: gradient noise: left out",
    ]
    page = render_diagnosis(light(notes=notes))
    place = page.index("Looked at in depth")
    assert page.index('id="training"') < place < page.index('id="unseen"')
    assert "<li>At update 3: rate times sharpness is 2.5</li>" in page
    assert "<li>training 2 (net (a)): at update 4: less</li>" in page
    assert page.index('id="unseen"') < page.index("in depth: gradient noise: left out")
    alone = render_diagnosis({"notes": notes})
    assert "Looked at in depth" not in alone
    assert "in depth, at update 3" in alone


def test_heads() -> None:
    sure = [entry(confidence=c) for c in ("medium", "low", "odd")]
    assert headline({"findings": sure[:1]})[0] == "Perhaps: the rate is too high"
    assert headline({"findings": sure[1:2]})[0].startswith("Nothing sure; worth a look")
    assert headline({"findings": sure[2:]})[1].startswith("Low confidence")
    assert headline({}) == ("There was no training to judge", "")
    assert "3 more findings stand below" in headline({"findings": [entry()] * 4})[1]


def test_a_script_that_crashed_or_turned_not_finite() -> None:
    error = {"type": "ValueError", "message": "bad <shape>", "file": "train.py", "line": 7}
    page = render_diagnosis(light(script={"ended": "error", "error": error, "updates": 50}))
    assert "it crashed with ValueError: bad &lt;shape&gt; at train.py, line 7" in page
    for ended in ("budget", "killed", "interrupted"):
        assert "did not come to its end" in render_diagnosis(light(script={"ended": ended}))
    assert "did not come to its end" not in render_diagnosis(light())
    assert "2 → lost" in render_diagnosis(record())


def test_hostile_texts_everywhere() -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(item) for key, item in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return (
            f"{value}{HOSTILE}"
            if isinstance(value, str) and value not in {"high", "low", "better"}
            else value
        )

    page = render_diagnosis(poison(record()))
    checked(page)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "&lt;script&gt;" in page


def test_megabytes_and_ten_thousand_of_everything() -> None:
    long = "x" * 1_000_000
    plain = light()
    source = {"first": 1, "line": 1, "lines": [long] * 1000}
    big = plain | {
        "findings": [entry(title=long, evidence=long, picture=None, excerpt=source)] * 1000,
        "notes": [long] * 1000,
        "trials": plain["trials"] * 1000,
        "files": {"written": [long] * 10_000},
        "trainings": plain["trainings"] * 100,
        "looked_for": [{"question": long, "codes": [long] * 1000}] * 1000,
        "command": long,
        "subject": long,
    }
    page = render_diagnosis(big)
    assert len(page) < 1_000_000
    assert "970 more findings" in page
    assert "92 more trainings" in page


@pytest.mark.parametrize("value", [None, 3, "x", [], [3], {"a": 3}, [[]], float("nan"), True])
def test_any_part_may_be_of_another_type(value: Any) -> None:
    for key in light():
        checked(render_diagnosis(light() | {key: value}))
    render_diagnosis(value)


def test_the_same_record_gives_the_same_page() -> None:
    one = record(trainings=[])
    assert render_diagnosis(one) == render_diagnosis(one)
