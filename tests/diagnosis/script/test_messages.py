"""Findings survive the way through JSON; what is no finding is refused."""

import json
import math
from typing import Any

import pytest

from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.script.messages import LONGEST_LINE, LONGEST_TEXT, from_plain, read_line, to_plain

FULL = Finding(
    "rate.high",
    "the rate is too high",
    "2.5 > 2",
    "medium",
    "c",
    "f",
    ("a", "b"),
    Place("train.py", 7),
    Picture("t", "x", "y", {"loss": ((0.0, 1.0), (1.0, 2.0))}, (1.5, "level"), True, True, ("n",)),
    {"rate": 0.5, "target": (3, 1)},
)


def through(finding: Finding) -> Any:
    return from_plain(json.loads(json.dumps(to_plain(finding), allow_nan=False)))


def test_all_of_a_finding_survives() -> None:
    assert through(FULL) == FULL


def test_numbers_that_are_not_finite_are_left_out() -> None:
    picture = Picture("t", "x", "y", {"a": ((0.0, math.nan), (1.0, 2.0), (2.0, math.inf), (3.0, 1.0))})
    found = through(Finding("a", "t", "e", "low", "c", "f", picture=picture))
    assert found.picture.curves == {"a": ((1.0, 2.0), (3.0, 1.0))}


def test_figures_that_are_not_finite_are_left_out() -> None:
    found = through(Finding("a", "t", "e", "low", "c", "f", figures={"rate": math.nan, "to": 0.1}))
    assert found.figures == {"to": 0.1}


def test_bounds() -> None:
    long = Picture("t", "x", "y", {"a": tuple((float(i), 1.0) for i in range(5000))})
    found = through(Finding("a", "t" * 9000, "e", "low", "c", "f", picture=long))
    assert len(found.title) == LONGEST_TEXT
    assert len(found.picture.curves["a"]) <= 400
    assert read_line(b'{"a": "' + b"x" * LONGEST_LINE + b'"}') == {}


@pytest.mark.parametrize(
    "change",
    [
        {"code": None},
        {"confidence": "certain"},
        {"place": 3},
        {"place": {"path": "x"}},
        {"picture": []},
        {"figures": {"rate": "fast"}},
        {"figures": [1]},
        {"picture": {"curves": {"a": [[1]]}}},
        {"picture": {"curves": {"a": [[1, None]]}}},
    ],
)
def test_what_is_no_finding_is_refused(change: dict[str, Any]) -> None:
    assert from_plain({**to_plain(FULL), **change}) is None


def test_what_is_no_record_is_refused() -> None:
    assert from_plain([]) is None
    assert read_line(b"[" * 100_000) == {}
    assert read_line(b"\xff") == {}
