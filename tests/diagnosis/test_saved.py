"""What a saved model says of itself; every value in its record counts as hostile."""

import json
from pathlib import Path
from typing import Any

import pytest

from fivefold.artifact import Bundle, save
from fivefold.core import ArtifactError
from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.saved import (
    diagnosis_in,
    findings_in,
    is_diagnosis,
    outcome_in,
    saved_findings,
    trials_in,
)
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.screen import render_outcome

LEAK = Finding("leak.copy", "a copy of the target", "1.0000", "high", "cause", "--drop a")
MINOR = Finding("imbalance.rare", "few", "3 rows", "low", "cause", "more rows")


def saved(place: Path, record: Any) -> Path:
    files = {"record.json": json.dumps(record).encode()}
    return save(place / "model", Bundle("fivefold.table", {"number": 1.0}, {}, files))


def test_findings_and_certificates(tmp_path: Path) -> None:
    record = {
        "table": {"findings": [MINOR.to_record(), LEAK.to_record()]},
        "certificates": [
            {"claim": "coverage is 90%", "holds": "no"},
            {"claim": "converged", "holds": "yes"},
            {},
        ],
    }
    found = saved_findings(saved(tmp_path, record))
    assert list(found) == [LEAK, MINOR]
    assert found.notes == (
        "certificate: coverage is 90%: does not hold",
        "certificate: converged: holds",
        "certificate: None: unknown",
    )


@pytest.mark.parametrize(
    "record",
    [[], {}, {"table": 3}, {"table": {"findings": 3}}, {"table": {"findings": [3, {"confidence": "sure"}]}}],
)
def test_a_record_of_another_form_says_nothing(tmp_path: Path, record: Any) -> None:
    found = saved_findings(saved(tmp_path, record))
    assert list(found) == []
    assert found.notes == ("the record of the fit holds no certificates",)


def test_what_watching_the_networks_of_a_fit_told(tmp_path: Path) -> None:
    watch = {"sentence": "Nothing was found that keeps it from learning."}
    methods = [
        {"name": "dense network", "training": {"watch": watch}},
        {"name": "ridge", "training": None},
        3,
    ]
    found = saved_findings(saved(tmp_path / "m", {"candidates": methods}))
    assert found.notes[0] == "dense network: Nothing was found that keeps it from learning."
    assert len(found.notes) == 2


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        saved_findings(tmp_path)


def test_a_diagnosis_tells_the_same_again(tmp_path: Path) -> None:
    picture = Picture("t", "update", "loss", {"loss": ((0.0, 1.0), (1.0, 2.0))}, (1.0, "level"), bars=False)
    found = Findings(
        [Finding("rate.too-high", "too high", "e", "high", "c", "f", (), Place("t.py", 3), picture)],
        ["a note"],
    )
    error = {"type": "ValueError", "message": "m", "file": "t.py", "line": 3, "text": "x"}
    outcome = Outcome(
        "t.py", found, "error", code=1, error=error, updates=9, seconds=1.25, written=["a"], removed=["b"],
        trainings=[{"models": ["net"], "optimizers": ["SGD"], "updates": 9, "watched": 4, "spent": 0.5,
                    "series": {"loss": [[0, 1.0], [8, 0.5]]}}],
    )  # fmt: skip
    place = found.save(tmp_path / "alone")
    assert list(saved_findings(place)) == list(found)
    whole = Findings(found, found.notes, dossier(found, found.notes, outcome=outcome)).save(
        tmp_path / "whole"
    )
    again = saved_findings(whole)
    assert (list(again), again.notes) == (list(found), found.notes)
    back = outcome_in(again.record)
    assert back is not None
    assert render_outcome(back) == render_outcome(outcome)
    assert back.failed == outcome.failed
    # What was told again can be written again, and is the same.
    assert (
        again.save(tmp_path / "copy").joinpath("diagnosis.json").read_bytes()
        == (whole / "diagnosis.json").read_bytes()
    )


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "a folder without one"),
        ({"diagnosis.json": b"[]"}, "something else"),
        ({"diagnosis.json": b"{}"}, "something else"),
        ({"diagnosis.json": b"{"}, "valid JSON"),
        ({"diagnosis.json": b'{"format": "fivefold diagnosis", "version": 2}'}, "newer fivefold"),
        ({"diagnosis.json": b'{"format": "fivefold diagnosis", "version": true}'}, "newer fivefold"),
    ],
)
def test_a_record_that_is_none(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(ArtifactError, match=says):
        diagnosis_in(files)


HOSTILE: list[Any] = [None, 3, "x", [], [3], {"a": 3}, [{"a": []}], True]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_record_is_told_without_harm(value: Any) -> None:
    keys = ("findings", "notes", "trainings", "files", "trials")
    record = dict.fromkeys(keys, value) | {
        "script": dict.fromkeys(("path", "updates", "seconds", "error"), value)
    }
    assert list(findings_in(record)) == []
    back = outcome_in(record)
    assert back is not None
    assert render_outcome(back, trials=trials_in(record))
    inner = dict.fromkeys(("models", "optimizers", "updates", "watched", "spent", "series"), value)
    back = outcome_in({"script": {}, "trainings": [inner, {"series": {"loss": value}}]})
    assert back is not None
    assert render_outcome(back)
    assert outcome_in({"script": value if not isinstance(value, dict) else 3}) is None


def test_what_is_no_diagnosis(tmp_path: Path) -> None:
    assert not is_diagnosis(saved(tmp_path, {}))
    assert not is_diagnosis(tmp_path)
    place = Findings([LEAK]).save(tmp_path / "d")
    (place / "report.html").write_text("changed")
    assert not is_diagnosis(place), "damaged"
