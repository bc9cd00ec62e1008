"""Fixes that are tried: the chain with pretended runs, and one script for real."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.diagnosis import diagnose as verb
from fivefold.diagnosis.diagnose import diagnose
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.run import run_script
from fivefold.diagnosis.trial import bench as room
from fivefold.diagnosis.trial.measuring import Measured
from fivefold.diagnosis.trial.trial import Trial
from fivefold.diagnosis.trial.verb import try_fixes

SCRIPT = """
import torch

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(40):
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
with open("log.txt", "a") as log:
    log.write("ran\\n")
with torch.no_grad():
    print("test loss:", torch.nn.functional.mse_loss(model(x), y).item())
"""
TEXT = "import torch\nLR = 0.5\nopt = torch.optim.SGD(p, lr=LR)\nloss.backward()\nopt.step()\n"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a script to an empty folder and go there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))

    def write(text: str) -> Path:
        (tmp_path / "train.py").write_text(text)
        return Path("train.py")

    return write


def test_a_missing_call_is_put_in_and_the_effect_measured(script: Callable[[str], Path]) -> None:
    path = script(SCRIPT)
    seen = run_script(path)
    assert seen.findings[0].code == "gradient.accumulates"
    (first,) = try_fixes(path, [], seen, limit=1)
    assert first.code == "gradient.accumulates"
    assert first.status == "better"
    assert first.measure == "test loss (printed)"
    assert first.after < 0.05 * first.before
    assert first.curves_before["training loss"][-1][1] > first.curves_after["training loss"][-1][1]
    assert path.read_text() == SCRIPT, "the user's script is only read"
    assert Path("log.txt").read_text() == "ran\n", "trials write elsewhere"
    done = subprocess.run(["patch", "-p1"], input=first.diff, text=True, check=True, capture_output=True)
    assert "patching file train.py" in done.stdout
    assert "    optimizer.zero_grad()\n    loss.backward()\n" in path.read_text()


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Measured]], list[str]]:
    """Let runs be made by a function of the text."""

    def install(of: Callable[[str], Measured]) -> list[str]:
        texts: list[str] = []

        def measure(script: Path, files: Mapping[str, str], *args: Any, **rest: Any) -> Measured:
            texts.append(files["train.py"])
            return of(files["train.py"])

        monkeypatch.setattr(room, "measure", measure)
        return texts

    return install


def outcome(*findings: Any, updates: int = 10) -> Outcome:
    return Outcome("train.py", Findings(findings), ended="finished", updates=updates)


def test_a_second_fix_stands_on_the_first_and_the_last_diff_is_whole(script, pretend, found, ran) -> None:
    script(TEXT)
    high = found("rate.too-high", figures={"rate": 0.5, "to": 0.05})

    def of(text: str) -> Measured:
        cleared = "zero_grad" in text
        loss = 2.0 - cleared - 0.5 * (cleared and "0.05" in text)
        return ran(f"test loss {loss}", findings=[high] if cleared and "0.5" in text else [])

    pretend(of)
    clear = found("gradient.accumulates")
    said: list[str] = []
    first, second = try_fixes("train.py", [], outcome(clear, high), listener=said.append)
    assert (first.status, first.before, first.after) == ("better", 2.0, 1.0)
    assert (second.status, second.before, second.after) == ("better", 1.0, 0.5)
    assert "+opt.zero_grad()" in first.diff
    assert "LR" not in "".join(line for line in first.diff.splitlines() if line[0] in "+-")
    assert {"+opt.zero_grad()", "-LR = 0.5", "+LR = 0.05"} <= set(second.diff.splitlines())
    assert [line.partition(":")[0] for line in said] == [
        "trying the fix of gradient.accumulates", "trying the fix of rate.too-high (3 versions)",
    ]  # fmt: skip


def test_the_limit_counts_what_is_run(script, pretend, found, ran) -> None:
    script(TEXT)
    texts = pretend(lambda text: ran("test loss 1"))
    findings = [
        found("step.never"),
        found("gradient.accumulates"),
        found("loss.sum"),
        found("rate.momentum"),
    ]
    trials = try_fixes("train.py", [], outcome(*findings), limit=1)
    assert [t.status for t in trials] == ["not tried", "no better"]
    assert len(texts) == 2


def test_nothing_is_judged_by_numbers_that_a_leak_makes(script, pretend, found, ran) -> None:
    script(TEXT)
    texts = pretend(lambda text: ran("test loss 1"))
    trials = try_fixes("train.py", [], outcome(found("data.leak"), found("rate.too-high")))
    assert [(t.status, t.change[-21:]) for t in trials][1:] == [("not tried", "data.leak comes first")]
    assert not texts


def test_findings_of_low_confidence_and_scripts_that_do_not_train_are_left(script, found) -> None:
    script(TEXT)
    assert try_fixes("train.py", [], outcome(found("loss.sum", confidence="low"))) == ()
    assert try_fixes("train.py", [], outcome(found("gradient.accumulates"), updates=0)) == ()


def test_when_time_is_over_nothing_more_begins(script, pretend, found, ran) -> None:
    script(TEXT)
    texts = pretend(lambda text: ran("test loss 1"))
    (trial,) = try_fixes("train.py", [], outcome(found("gradient.accumulates")), budget=0.0001)
    assert (trial.status, trial.change) == ("not tried", "the time for trials was over")
    assert not texts


def test_a_script_that_does_not_run_in_a_copy_ends_the_trials(script, pretend, found, ran) -> None:
    script(TEXT)
    pretend(lambda text: ran(ended="error", updates=0, error={"type": "OSError", "message": "x"}))
    trials = try_fixes("train.py", [], outcome(found("gradient.accumulates"), found("rate.too-high")))
    assert [t.status for t in trials] == ["failed"]


def test_a_text_that_cannot_be_edited(script, found) -> None:
    script("")
    Path("train.py").write_bytes("# -*- coding: latin-1 -*-\n# größe\n".encode("latin-1"))
    (trial,) = try_fixes("train.py", [], outcome(found("gradient.accumulates")))
    assert trial.status == "not tried"
    assert "UTF-8" in trial.change


def test_an_interruption_ends_all_runs(script, monkeypatch, found) -> None:
    script(TEXT)
    stopped = []

    def measure(*args: Any, stop: Any, **rest: Any) -> Measured:
        stopped.append(stop)
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        try_fixes("train.py", [], outcome(found("gradient.accumulates")))
    assert stopped[0].is_set()


def test_diagnose_tries_what_it_found(script, monkeypatch, found) -> None:
    script(TEXT)
    seen = outcome(found("rate.too-high"))
    asked = {}

    def pretend(target: Any, args: Any, given: Outcome, **values: Any) -> tuple[Trial, ...]:
        asked.update(values, args=args, given=given)
        return (Trial("rate.too-high", "t", "no better", "c"),)

    monkeypatch.setattr(verb, "run_script", lambda *args, **rest: seen)
    monkeypatch.setattr(verb, "run_trials", pretend)
    assert [t.status for t in diagnose("train.py", args=["--x"], try_fixes="30s", seed=4).trials] == [
        "no better"
    ]
    assert asked == {"budget": "30s", "seed": 4, "args": ["--x"], "given": seen}
    assert diagnose("train.py", try_fixes=True).record["trials"][0]["code"] == "rate.too-high"
    assert asked["budget"] is None
    assert diagnose("train.py").trials == seen.trials


def test_arguments(script, found) -> None:
    script(textwrap.dedent(TEXT))
    for wrong in ({"limit": 0}, {"jobs": 0}, {"budget": "soon"}):
        with pytest.raises(ArgumentError):
            try_fixes("train.py", [], outcome(found()), **wrong)
    with pytest.raises(DataError, match="no such file"):
        try_fixes("none.py", [], outcome(found()))
    with pytest.raises(ArgumentError, match="a script where fixes are to be tried"):
        diagnose((1, 2), try_fixes=True)
