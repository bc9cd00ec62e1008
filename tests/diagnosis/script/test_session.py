"""When findings are made, and what is sent."""

import json
import sys
import time
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.overhead import Overhead
from fivefold.diagnosis.script.messages import from_plain
from fivefold.diagnosis.script.session import Session

Sent = list[tuple[str, dict[str, Any]]]


def loop(steps: int, clear: bool = True, step: bool = True) -> None:
    torch.manual_seed(0)
    net = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(steps):
        if clear:
            optimizer.zero_grad()
        x = torch.randn(16, 3)
        nn.functional.mse_loss(net(x), x[:, :1]).backward()
        if step:
            optimizer.step()


@pytest.fixture(autouse=True)
def every_update_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the account leaves some of ten updates out: what is found must not hang on that."""
    monkeypatch.setattr(Overhead, "allows", lambda *_, **__: True)


@pytest.fixture
def sent() -> Sent:
    return []


def session(sent: Sent, **settings: Any) -> Session:
    made = Session(lambda kind, **values: sent.append((kind, values)), **settings)
    made.begin()
    return made


def test_what_is_said_at_the_end(sent: Sent) -> None:
    watching = session(sent)
    loop(10)
    assert sent == [], "nothing before 30 s of training"
    watching.end()
    ((kind, message),) = sent
    assert (kind, message["final"], message["updates"]) == ("found", True, 10)
    (training,) = message["trainings"]
    assert training["models"] == ["net (Linear)"]
    assert training["optimizers"] == ["SGD"]
    assert all(from_plain(each) is not None for each in json.loads(json.dumps(message["findings"])))


def test_findings_while_it_runs_at_growing_intervals(sent: Sent) -> None:
    watching = session(sent, first=0.0)
    loop(30)
    watching.discovery.end()
    times = [message["seconds"] for _, message in sent]
    assert times
    assert all(later >= 2 * earlier for earlier, later in pairwise(times))
    assert not any(message["final"] for _, message in sent)


def test_findings_before_the_time_is_over(sent: Sent) -> None:
    watching = session(sent, deadline=time.monotonic())
    loop(5)
    watching.discovery.end()
    assert len(sent) == 1, "once, at the first update after 85% of the time"
    assert sent[0][1]["updates"] == 1


def test_a_fork_says_nothing_and_hooks_nothing(sent: Sent) -> None:
    watching = session(sent, first=0.0)
    watching.leave()
    loop(3)
    assert sent == []


def test_an_optimizer_that_never_steps_is_found(sent: Sent) -> None:
    watching = session(sent)
    loop(3, step=False)
    watching.end()
    finding = next(f for f in sent[-1][1]["findings"] if f["code"] == "step.never")
    assert finding["confidence"] == "high"
    assert "SGD made 0 steps" in finding["evidence"]


def test_where_the_script_crashed_nothing_is_said_of_what_would_have_come(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastai", ModuleType("fastai"))
    for finished in (True, False):
        watching = session(sent)
        loop(3, step=False)
        watching.end(finished=finished)
        codes = [f["code"] for f in sent[-1][1]["findings"]]
        notes = [note for note in sent[-1][1]["notes"] if note.startswith("fastai is loaded")]
        assert ("step.never" in codes) is finished
        assert len(notes) == finished


def test_without_an_optimizer_of_torch_updates_are_not_judged(sent: Sent) -> None:
    watching = session(sent)
    net = nn.Linear(3, 1)
    for _ in range(4):
        net(torch.randn(8, 3)).pow(2).mean().backward()
        with torch.no_grad():
            for p in net.parameters():
                assert p.grad is not None
                p -= 0.1 * p.grad
                p.grad = None
    watching.end()
    assert sent[-1][1]["findings"] == []
    assert "are changed by hand" in sent[-1][1]["notes"][0]


def test_looks_in_depth_are_told_in_notes_and_in_curves(sent: Sent) -> None:
    for deep in (False, True):
        watching = session(sent, deep=deep)
        loop(10)
        watching.end()
        message = json.loads(json.dumps(sent[-1][1]))
        (training,) = message["trainings"]
        assert ("deep" in training["series"]) is deep
        assert any("the edge of stability 2" in note for note in message["notes"]) is deep
    assert len(training["series"]["deep"]["product"]) >= 1


@pytest.mark.parametrize("deep", [False, True])
def test_an_evaluation_while_the_loop_runs_changes_no_bit(sent: Sent, deep: bool) -> None:
    def trained() -> float:
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(12):
            optimizer.zero_grad()
            x = torch.randn(16, 3)
            nn.functional.mse_loss(net(x), x[:, :1]).backward()
            optimizer.step()
        return sum(p.double().sum().item() for p in net.parameters())

    alone = trained()
    watching = session(sent, first=0.0, deep=deep)
    assert trained() == alone
    watching.end()
    assert len(sent) >= 2, "findings were made meanwhile"


def test_gradients_that_are_off_at_the_end_do_not_stop_the_checks(sent: Sent) -> None:
    codes = []
    for on in (True, False):
        watching = session(sent)
        loop(10, clear=False)
        with torch.set_grad_enabled(on):
            watching.end()
            assert torch.is_grad_enabled() is on
        codes.append([(f["code"], f["confidence"]) for f in sent[-1][1]["findings"]])
        assert not [note for note in sent[-1][1]["notes"] if "Error" in note]
    assert codes[0] == codes[1]
    assert codes[0]


def test_a_training_that_was_stopped_is_not_one_that_ended(sent: Sent) -> None:
    for finished in (True, False):
        watching = session(sent)
        loop(10)
        watching.end(finished=finished)
        (training,) = watching.discovery.trainings
        assert training.record.ended is finished


def test_watching_that_broke_is_said(sent: Sent) -> None:
    watching = session(sent)
    loop(3)
    watching.discovery.trainings[0].failure = "ValueError: planted"
    watching.end()
    assert "watching net ended early: ValueError: planted" in sent[-1][1]["notes"]
