"""The command ``diagnose``: screen, JSON, exit codes, refusals; the run itself is tested in its own room."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from fivefold.artifact import Bundle, save
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script import run as running
from fivefold.diagnosis.script.outcome import Outcome

Command = Callable[..., Result]
SURE = Finding("rate.high", "the rate is too high", "2.5 > 2", "high", "cause", "fix")
UNSURE = Finding("fit.short", "too short", "still falls", "medium", "cause", "fix")


@pytest.fixture
def fake(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run whose outcome the test sets, and how it was asked for."""
    (here / "train.py").write_text("pass\n")
    held: dict[str, Any] = {"outcome": Outcome("train.py", Findings([SURE, UNSURE]), "finished", updates=9)}

    def run_script(path: str, arguments: Any, **options: Any) -> Outcome:
        held.update(options, path=path, arguments=list(arguments))
        if options["listener"]:
            found = [{"title": "the rate is too high", "confidence": "high"}]
            options["listener"]({"kind": "found", "findings": found, "seconds": 31.2, "final": False})
            options["listener"]({"kind": "found", "findings": [], "seconds": 60.0, "final": True})
            options["listener"]({"kind": "end"})
        outcome: Outcome = held["outcome"]
        return outcome

    monkeypatch.setattr(running, "run_script", run_script)
    return held


def test_the_screen(fake: dict[str, Any], command: Command) -> None:
    result = command("diagnose", "train.py", "--budget", "2m", "--", "--lr", "0.1")
    assert result.exit_code == 7, result.stderr
    assert result.stdout.splitlines()[0] == "1. the rate is too high  [high confidence, rate.high]"
    assert "2. too short" in result.stdout
    assert result.stdout.splitlines()[-1] == "script    unchanged"
    assert result.stderr.splitlines() == [
        "running train.py under observation; what it writes follows",
        "after 31 s of training: 1 finding; the first: the rate is too high (high)",
    ]
    assert fake["arguments"] == ["--lr", "0.1"]
    assert (fake["budget"], fake["stdin"]) == ("2m", False)


def test_json_for_machines(fake: dict[str, Any], command: Command) -> None:
    result = command("diagnose", "train.py", "--json", "-q")
    found = json.loads(result.stdout)
    assert found["findings"] == [SURE.to_record(), UNSURE.to_record()]
    assert list(found["findings"][0]) == ["code", "title", "evidence", "confidence", "cause", "fix"]
    assert found["script"]["updates"] == 9
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome("t", Findings([UNSURE]), "finished", updates=3), 0),
        (Outcome("t", Findings([]), "budget", updates=3), 0),
        (Outcome("t", Findings([UNSURE]), "error", code=1, updates=3), 3),
        (Outcome("t", Findings([SURE]), "error", code=1, updates=3), 7),
        (Outcome("t", Findings([]), "finished"), 3),
        (Outcome("t", Findings([SURE]), "interrupted", updates=3), 130),
    ],
)
def test_exit_codes(fake: dict[str, Any], command: Command, outcome: Outcome, code: int) -> None:
    fake["outcome"] = outcome
    result = command("diagnose", "train.py", "-q")
    assert result.exit_code == code
    assert result.stdout


def test_a_saved_model(here: Path, command: Command) -> None:
    record = {"table": {"findings": [SURE.to_record()]}, "certificates": [{"claim": "c", "holds": "no"}]}
    save(here / "model", Bundle("fivefold.table", {}, {}, {"record.json": json.dumps(record).encode()}))
    result = command("diagnose", "model")
    assert result.exit_code == 7
    assert "! certificate: c: does not hold" in result.stdout
    found = json.loads(command("diagnose", "model", "--json").stdout)
    assert found["findings"] == [SURE.to_record()]


def test_a_real_script_without_training(here: Path, command: Command) -> None:
    (here / "train.py").write_text("print('loss: 3')\n")
    result = command("diagnose", "train.py")
    assert result.exit_code == 3
    assert result.stdout.startswith("No finding.\n\n! no training loop was seen: it never imports torch")
    assert "loss: 3" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("none.py",), 3, "no such file: 'none.py'; check the path"),
        (("bad.py",), 3, "a syntax error in 'bad.py', line 1"),
        (("train.py", "--budget", "soon"), 2, "a duration such as 60s"),
        (("empty",), 4, "manifest.json"),
        ((), 2, "Missing argument"),
    ],
)
def test_refusals(here: Path, command: Command, arguments: tuple[str, ...], code: int, says: str) -> None:
    (here / "train.py").write_text("pass\n")
    (here / "bad.py").write_text("def (:\n")
    (here / "empty").mkdir()
    result = command("diagnose", *arguments)
    assert result.exit_code == code
    assert says in re.sub(r"\s+", " ", result.stderr)
    assert result.stdout == ""
