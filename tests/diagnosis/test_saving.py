"""A diagnosis in a folder: all of it or nothing, and never in the place of something else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivefold.artifact import Bundle, load, save
from fivefold.artifact import write as writing
from fivefold.core import ArtifactError
from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.saved import is_diagnosis, saved_findings
from fivefold.diagnosis.saving import check_place, save_diagnosis

FOUND = Finding("rate.too-high", "the rate <b>is</b> too high", "2.5 > 2", "high", "cause", "fix")


def record(**more: Any) -> dict[str, Any]:
    return {**dossier([FOUND], ["a note"]), **more}


def test_what_lies_in_the_folder(tmp_path: Path) -> None:
    place = save_diagnosis(tmp_path / "a" / "train.diagnosis", record(), {"first.replay": b"123"})
    names = sorted(path.name for path in place.iterdir())
    assert names == [
        "README.md", "diagnosis.json", "first.replay", "manifest.json", "model.json", "report.html",
        "tensors.safetensors",
    ]  # fmt: skip
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "The rate &lt;b&gt;is&lt;/b&gt; too high" in page
    assert json.loads((place / "diagnosis.json").read_text()) == record()
    card = (place / "README.md").read_text(encoding="utf-8")
    assert "    1. the rate <b>is</b> too high [rate.too-high, high]" in card, "indented: no markup"
    assert list(saved_findings(place)) == [FOUND]
    assert is_diagnosis(place)


def test_an_older_diagnosis_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "d"
    save_diagnosis(place, record())
    save_diagnosis(place, record(notes=["another"]))
    assert saved_findings(place).notes == ("another",)
    for other in ("model", "folder", "file"):
        target = tmp_path / other
        if other == "model":
            save(target, Bundle("fivefold.table", {}, {"w": np.ones(2)}))
        elif other == "folder":
            target.mkdir()
            (target / "notes.txt").write_text("mine")
        else:
            target.write_text("mine")
        with pytest.raises(ArtifactError, match="nothing was changed"):
            save_diagnosis(target, record())
        with pytest.raises(ArtifactError):
            check_place(target)
    assert (tmp_path / "folder" / "notes.txt").read_text() == "mine"
    assert load(tmp_path / "model").kind == "fivefold.table"
    (place / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError):
        save_diagnosis(place, record())
    assert (place / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert is_diagnosis(save_diagnosis(tmp_path / "d", record()))


def test_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = save_diagnosis(tmp_path / "d", record())

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write_file", full)
    with pytest.raises(ArtifactError, match="No space left"):
        save_diagnosis(place, record(notes=["another"]))
    monkeypatch.undo()
    assert saved_findings(place).notes == ("a note",)
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_the_diff_of_the_fixes_that_helped(tmp_path: Path) -> None:
    trials = [
        {"status": "better", "diff": "--- a/t.py\n+++ b/t.py\n"},
        {"status": "better", "diff": "--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n"},
        {"status": "no better", "diff": "x"},
    ]
    place = save_diagnosis(tmp_path / "d", record(trials=trials))
    assert (place / "fix.diff").read_text() == trials[1]["diff"]
    assert not (save_diagnosis(place, record()) / "fix.diff").exists()
