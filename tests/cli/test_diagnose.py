"""The command ``diagnose``: screen, JSON, exit codes, refusals; the run itself is tested in its own room."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import Result

from fivefold.artifact import Bundle, load, save
from fivefold.artifact import write as writing
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.replay import to_bytes
from fivefold.diagnosis.replayed_operation import Replay
from fivefold.diagnosis.script import run as running
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.trial import verb as trying
from fivefold.diagnosis.trial.trial import Trial

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
    assert result.stdout.splitlines()[-3:] == [
        "script    unchanged",
        "",
        "page      train.diagnosis/report.html",
    ]
    assert result.stderr.splitlines() == [
        "running train.py under observation; what it writes follows",
        "after 31 s of training: 1 finding; the first: the rate is too high (high)",
    ]
    assert fake["arguments"] == ["--lr", "0.1"]
    assert (fake["budget"], fake["stdin"]) == ("2m", False)


def test_looks_in_depth(fake: dict[str, Any], here: Path, command: Command) -> None:
    command("diagnose", "train.py", "-q")
    assert fake["deep"] is False
    command("diagnose", "train.py", "-q", "--deep", "--", "--lr", "1")
    assert fake["deep"] is True
    page = (here / "train.diagnosis" / "report.html").read_text(encoding="utf-8")
    assert "fivefold diagnose train.py --deep -- --lr 1" in page
    for saved in ("train.diagnosis", "a.replay.safetensors"):
        refused = command("diagnose", saved, "--deep")
        assert refused.exit_code == 2
        assert "a script where --deep is asked for" in refused.stderr


def test_json_for_machines(fake: dict[str, Any], command: Command) -> None:
    result = command("diagnose", "train.py", "--json", "-q")
    found = json.loads(result.stdout)
    assert found["findings"] == [SURE.to_record(), UNSURE.to_record()]
    assert list(found["findings"][0]) == ["code", "title", "evidence", "confidence", "cause", "fix"]
    assert found["script"]["updates"] == 9
    assert found["page"].endswith("train.diagnosis/report.html")
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


def test_the_page_and_the_folder(fake: dict[str, Any], here: Path, command: Command) -> None:
    result = command("diagnose", "train.py", "--budget", "2m", "-q", "--", "--lr", "0.1 ")
    page = (here / "train.diagnosis" / "report.html").read_text(encoding="utf-8")
    assert "The rate is too high" in page
    assert "fivefold diagnose train.py --budget 2m -- --lr &#39;0.1 &#39;" in page
    # The folder tells the same again, in text and as JSON.
    again = command("diagnose", "train.diagnosis")
    assert (again.exit_code, again.stdout) == (result.exit_code, result.stdout)
    told = json.loads(command("diagnose", "train.diagnosis", "--json").stdout)
    assert told["findings"] == [SURE.to_record(), UNSURE.to_record()]
    assert told["page"] == "train.diagnosis/report.html"
    # A second run takes the place of the first.
    fake["outcome"] = Outcome("train.py", Findings([UNSURE]), "finished", updates=9)
    command("diagnose", "train.py", "-q")
    assert "Perhaps: too short" in (here / "train.diagnosis" / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in here.iterdir() if path.is_dir()] == ["train.diagnosis"]


def test_the_page_elsewhere(fake: dict[str, Any], here: Path, command: Command) -> None:
    result = command("diagnose", "train.py", "-q", "--out", "pages/mine")
    assert result.stdout.splitlines()[-1] == "page      pages/mine/report.html"
    assert load(here / "pages" / "mine").kind == "diagnosis"


def test_fixes_that_are_tried(
    fake: dict[str, Any], here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial("rate.high", "t", "better", "lr=10 becomes 0.1", "--- a/t\n+++ b/t\n", "loss", 2.0, 0.5)
    asked: list[Any] = []

    def try_fixes(*given: Any, listener: Any) -> tuple[Trial, ...]:
        asked.append((given, listener))
        return (trial,)

    monkeypatch.setattr(trying, "try_fixes", try_fixes)
    result = command("diagnose", "train.py", "-q", "--try", "--", "--lr", "10")
    assert asked == [(("train.py", ["--lr", "10"], fake["outcome"]), None)]
    assert "tried     helped: lr=10 becomes 0.1 (loss 2 without, 0.5 with it)" in result.stdout
    assert (here / "train.diagnosis" / "fix.diff").read_text() == trial.diff
    page = (here / "train.diagnosis" / "report.html").read_text(encoding="utf-8")
    assert "What the fixes did" in page
    assert "fivefold diagnose train.py --try -- --lr 10" in page
    assert command("diagnose", "train.diagnosis").stdout == result.stdout
    told = json.loads(command("diagnose", "train.py", "-q", "--try", "--json").stdout)
    assert told["trials"] == [trial.to_record()]

    def interrupted(*given: Any, listener: Any) -> tuple[Trial, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr(trying, "try_fixes", interrupted)
    fake["outcome"].trials = ()
    result = command("diagnose", "train.py", "--try")
    assert result.stdout.startswith("1. the rate is too high"), "what was found is not lost"
    assert "the trials were interrupted" in result.stderr

    def broken(*given: Any, listener: Any) -> tuple[Trial, ...]:
        assert (here / "train.diagnosis" / "report.html").exists(), (
            "the findings are written before the trials"
        )
        raise ValueError("a bad fix")

    monkeypatch.setattr(trying, "try_fixes", broken)
    result = command("diagnose", "train.py", "--try")
    assert result.stdout.startswith("1. the rate is too high")
    assert "the fixes could not be tried: ValueError: a bad fix" in result.stderr


def test_a_name_that_is_taken(fake: dict[str, Any], here: Path, command: Command) -> None:
    (here / "train.diagnosis").mkdir()
    (here / "train.diagnosis" / "notes.txt").write_text("mine")
    result = command("diagnose", "train.py", "-q")
    assert result.stdout.splitlines()[-1] == "page      train-2.diagnosis/report.html"
    assert [path.name for path in (here / "train.diagnosis").iterdir()] == ["notes.txt"]
    fake.clear()
    refused = command("diagnose", "train.py", "-q", "--out", "train.diagnosis")
    assert refused.exit_code == 4
    assert "nothing was changed" in refused.stderr
    assert not fake, "refused before the script ran"


def test_nothing_is_written_where_there_is_nothing_to_show(
    fake: dict[str, Any], here: Path, command: Command
) -> None:
    fake["outcome"] = Outcome("train.py", Findings([], ["no training loop was seen"]), "finished")
    result = command("diagnose", "train.py", "-q")
    assert result.exit_code == 3
    assert "page" not in result.stdout
    assert json.loads(command("diagnose", "train.py", "-q", "--json").stdout)["page"] is None
    assert not (here / "train.diagnosis").exists()


def test_a_folder_that_cannot_be_written_to(
    fake: dict[str, Any], here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing.os, "access", lambda *_: False)
    result = command("diagnose", "train.py", "-q")
    assert result.exit_code == 7
    assert result.stdout.startswith("1. the rate is too high")
    assert "there will be no page (--out DIR puts it elsewhere)" in result.stderr
    refused = command("diagnose", "train.py", "-q", "--out", "d")
    assert refused.exit_code == 4


def test_a_disk_that_fills_while_it_ran(
    fake: dict[str, Any], here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write_file", full)
    result = command("diagnose", "train.py", "-q")
    assert result.exit_code == 4
    assert result.stdout.startswith("1. the rate is too high"), "the findings are printed all the same"
    assert "No space left on device" in result.stderr
    assert not (here / "train.diagnosis").exists()


def test_a_page_that_cannot_be_drawn_loses_no_finding(
    fake: dict[str, Any], here: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("an axis without a length")

    monkeypatch.setattr("fivefold.diagnosis.saving.save_diagnosis", broken)
    result = command("diagnose", "train.py")
    assert result.stdout.startswith("1. the rate is too high")
    assert result.exit_code not in {0, 7}
    assert "an axis without a length" in result.stderr


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


def test_an_operation_is_made_again(here: Path, command: Command) -> None:
    """The table and the exit code, as text and as JSON; a file that is none is refused."""
    name = "update-3.replay.safetensors"
    (here / name).write_bytes(to_bytes(Replay("log.default", (torch.zeros(2),), batch=3)))
    result = command("diagnose", name)
    assert result.exit_code == 7, result.stderr
    assert result.stdout.splitlines()[0] == "log.default, update 3"
    assert "made again, it gives -inf at [0]" in result.stdout
    told = json.loads(command("diagnose", name, "--json").stdout)
    assert told["findings"][0]["code"] == "nonfinite.operation"
    (here / name).write_bytes(to_bytes(Replay("log.default", (torch.ones(2),))))
    assert command("diagnose", name).exit_code == 0
    (here / name).write_bytes(b"x")
    assert command("diagnose", name).exit_code == 4


def test_what_makes_it_again_lies_beside_the_page(fake: dict[str, Any], command: Command) -> None:
    name, data = "update-3.replay.safetensors", to_bytes(Replay("log.default", (torch.zeros(2),)))
    fake["outcome"].replays = {name: data}
    command("diagnose", "train.py")
    assert (Path("train.diagnosis") / name).read_bytes() == data
    assert load("train.diagnosis").files[name] == data
