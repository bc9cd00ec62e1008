"""Replays on their way from the child to the parent."""

import tempfile
from pathlib import Path

import pytest
import torch

from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.observation.record import Nonfinite, Record
from fivefold.diagnosis.replay import SUFFIX, read
from fivefold.diagnosis.replayed_operation import Replay
from fivefold.diagnosis.script.replays import Replays, is_ours, take
from fivefold.diagnosis.script.run import run_script


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def record(batch: int) -> Record:
    replay = Replay("log.default", (torch.zeros(2),), batch=batch)
    return Record(nonfinite=Nonfinite("forward", "log", "e", "c", "f", None, replay=replay))


def test_written_once_and_taken(temporary: Path) -> None:
    sender, records = Replays(), [record(3), record(3), Record()]
    paths = sender.paths(records)
    assert sender.paths(records) == paths
    assert len(paths) == 2
    assert all(is_ours(path) for path in paths)
    kept = take(paths)
    assert sorted(kept) == [f"update-3-2{SUFFIX}", f"update-3{SUFFIX}"]
    assert not list(temporary.iterdir())


def test_what_is_no_replay_is_left_alone(temporary: Path) -> None:
    other = temporary / "model.safetensors"
    other.write_bytes(b"x")
    broken = temporary / f"fivefold-a{SUFFIX}"
    broken.write_bytes(b"x")
    assert take([str(other), str(broken), 3, str(temporary / f"fivefold-none{SUFFIX}")]) == {}
    assert take(None) == {}
    assert other.exists()


def test_of_a_script(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(temporary)
    script = temporary / "train.py"
    script.write_text(
        "import torch\n"
        "torch.manual_seed(0)\n"
        "model = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "for step in range(4):\n"
        "    optimizer.zero_grad()\n"
        "    loss = (model(torch.randn(8, 3)) * (step != 2)).abs().sum().log()\n"
        "    loss.backward()\n"
        "    optimizer.step()\n",
        encoding="utf-8",
    )
    outcome = run_script(script)
    assert list(outcome.replays) == [f"update-2{SUFFIX}"]
    assert outcome.findings[0].title == "log gives numbers that are not finite"
    assert outcome.findings[0].place.line == 7
    assert not any(path.endswith(SUFFIX) for path in outcome.written)
    assert any("makes the operation again" in note for note in outcome.findings.notes)
    (first, *_) = dossier(outcome.findings, outcome=outcome)["findings"]
    assert first["replay"]["title"] == "log.default (called as log), update 2"
    file = temporary / "a.replay.safetensors"
    file.write_bytes(outcome.replays[f"update-2{SUFFIX}"])
    found = read(file)
    assert found.run().again
    assert found.line == 7
    assert found.inputs["input"].shape == (8, 3)
