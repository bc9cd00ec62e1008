"""The record of a diagnosis: all that is needed, plain, bounded, the same after a way through a file."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fivefold.artifact.strict_json import decode, encode
from fivefold.diagnosis.dossier import bounded, dossier
from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome


def finding(**more: Any) -> Finding:
    return Finding("rate.too-high", "the rate is too high", "2.5 > 2", "high", "cause", "fix", **more)


def test_what_a_script_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "train.py"
    script.write_text("import torch\nlr = 10\n")
    found = Findings([finding(place=Place(str(script), 2))], ["a note"])
    outcome = Outcome(
        "train.py", found, "finished", updates=9, seconds=2, written=[str(tmp_path / "model.pt"), "/else/x"],
        trainings=[{"models": ["net"], "series": {"loss": [[0, 1.0]]}}],
    )  # fmt: skip
    made = dossier(
        found, found.notes, outcome=outcome, command="fivefold diagnose train.py", arguments=["--lr"]
    )
    assert made["subject"] == "train.py"
    assert made["findings"][0]["excerpt"] == {"first": 1, "line": 2, "lines": ["import torch", "lr = 10"]}
    assert made["findings"][0]["place"] == {"path": "train.py", "line": 2}
    assert made["files"] == {"written": ["model.pt", "/else/x"], "removed": []}
    assert made["script"]["arguments"] == ["--lr"]
    assert made["script"]["updates"] == 9
    assert "trainings" not in made["script"]
    assert made["trainings"][0]["series"] == {"loss": [[0, 1.0]]}
    assert made["notes"] == ["a note"]
    assert made["calibration"]["rows"]
    assert made["looked_for"]


def test_it_survives_a_file() -> None:
    picture = Picture("t", "x", "y", {"a": ((0.0, 1.0), (1.0, math.nan))}, (1.0, "level"))
    made = dossier([finding(picture=picture)], ["x\ud800y"])
    assert decode(encode(made, "diagnosis.json", 1 << 20), "diagnosis.json", 1 << 20) == made


def test_bounds() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    hostile = {
        "long": "x" * 10**6,
        "many": list(range(10**5)),
        "wide": {str(i): i for i in range(10**4)},
        "deep": deep,
        "nan": math.nan,
        "huge": 10**30,
        "flag": True,
        "object": {1},
    }
    plain = bounded(hostile)
    assert len(plain["long"]) == 20_000
    assert len(plain["many"]) == 1_000
    assert len(plain["wide"]) == 200
    assert plain["nan"] is None
    assert plain["huge"] is None
    assert plain["flag"] is True
    assert plain["object"] == "{1}"
    assert len(json.dumps(plain, allow_nan=False)) < 50_000
    assert str(plain["deep"]).count("[") < 10


def test_ten_thousand_findings_stay_few() -> None:
    made = dossier([finding()] * 10_000)
    assert len(made["findings"]) == 100
