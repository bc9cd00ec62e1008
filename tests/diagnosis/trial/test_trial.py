"""What is told of a trial, and a diff that the tools take."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest

from fivefold.core import ArgumentError
from fivefold.diagnosis.trial.trial import Trial, unified

BEFORE = {"train.py": "a = 1\nb = 2\nc = 3\n", "nets/small.py": "x = 1", "same.py": "y\n"}
AFTER = {"train.py": "a = 1\nb = 20\nc = 3\n", "nets/small.py": "x = 2\n", "same.py": "y\n"}


@pytest.mark.parametrize("tool", [("patch", "-p1"), ("git", "apply")])
def test_the_diff_is_taken_by(tool: tuple[str, ...], tmp_path: Path) -> None:
    for name, text in BEFORE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert shutil.which(tool[0])
    subprocess.run(
        tool, cwd=tmp_path, input=unified(BEFORE, AFTER), text=True, check=True, capture_output=True
    )
    assert {name: (tmp_path / name).read_text() for name in AFTER} == AFTER


def test_the_record_is_json_and_the_sentence_says_it() -> None:
    numbers = {"measure": "test loss (printed)", "before": math.nan, "after": 0.25}
    curves = {"training loss": ((0.0, 1.0),)}
    trial = Trial(
        "rate.too-low", "t", "better", "lr becomes 0.1", "d", **numbers, curves_before=curves, seconds=1.23456
    )
    record = json.loads(json.dumps(trial.to_record(), allow_nan=False))
    assert record["before"] is None
    assert record["after"] == 0.25
    assert record["seconds"] == 1.235
    assert record["curves"] == {"before": {"training loss": [[0.0, 1.0]]}, "after": {}}
    assert str(trial) == "rate.too-low: lr becomes 0.1: better (test loss (printed) nan before, 0.25 after)"
    assert str(Trial("a.b", "t", "not tried", "no line")) == "a.b: not tried, no line"
    assert str(Trial("a.b", "t", "failed", "it crashed")) == "a.b: it crashed: failed"


def test_a_status_is_one_of_four() -> None:
    with pytest.raises(ArgumentError, match="one of better"):
        Trial("a.b", "t", "worse", "x")  # type: ignore[arg-type]
