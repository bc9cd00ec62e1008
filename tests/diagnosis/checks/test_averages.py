"""Averages of the weights that are evaluated in the model's stead."""

import copy
import gc

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.averages import check_averages
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.script.joining import JoiningWatcher


@pytest.fixture(autouse=True)
def no_networks_of_other_tests() -> None:
    """At most eight copies are watched, and those that wait for the collector would be among them."""
    gc.collect()


def averaged(update: str, evaluate: str = "average", pace: float = 0.2) -> Record:
    """Train a network with batch norm for 40 updates, and evaluate it and an average every ten."""
    torch.manual_seed(0)
    x = torch.randn(256, 8) * 3 + 1
    y = (x[:, 0] > 1).long()
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    watcher = JoiningWatcher({"": model}, [optimizer])
    watcher.attach()
    for step in range(40):
        rows = torch.randint(256, (32,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model.train()(x[rows]), y[rows]).backward()
        optimizer.step()
        if step == 0:
            watcher.add_copies()
        with torch.no_grad():
            if update != "none":
                for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
                    mine.lerp_(theirs, pace)
            if update == "all":
                for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
                    mine.copy_(theirs)
            if step % 10 == 9:
                for each in (model, average) if evaluate == "both" else (average,):
                    nn.functional.cross_entropy(each.eval()(x), y)
    watcher.detach()
    return watcher.record


@pytest.mark.parametrize(
    ("update", "evaluate", "code"),
    [
        ("none", "average", "parameters.stale-average"),
        ("weights", "average", "normalisation.stale-average"),
        ("all", "average", None),
        ("none", "both", None),
    ],
)
def test_what_does_not_follow_the_model_is_found(update: str, evaluate: str, code: str | None) -> None:
    record = averaged(update, evaluate)
    assert [(f.code, f.confidence) for f in check_averages(record)] == ([(code, "high")] if code else [])
    assert [e.after for e in record.evaluations] == [10, 20, 30, 40]
    assert {e.copy for e in record.evaluations} == {evaluate == "average"}
    assert all(len(e.losses) == 1 and e.rows == 256 for e in record.evaluations)


@pytest.mark.parametrize(("pace", "confidence"), [(1e-3, "high"), (0.01, "high"), (0.3, None), (1.0, None)])
def test_an_average_that_still_holds_the_first_weights(pace: float, confidence: str | None) -> None:
    record = averaged("all", pace=pace)
    found = check_averages(record)
    assert [(f.code, f.confidence) for f in found] == (
        [("parameters.slow-average", confidence)] if confidence else []
    )
    copy = next(c for c in record.copies if c.evaluated)  # those of other tests are not
    # What the average still holds of its start is (1 - pace)^n of it, and of states on the way a part.
    assert (1 - pace) ** 40 - 1e-6 <= copy.left <= 1.0
    if found:
        assert "a decay of about 0.8, " in found[0].fix
    assert check_averages(averaged("all", "both", pace)) == []


def test_a_teacher_that_is_called_at_every_update_is_no_evaluation() -> None:
    model = nn.Linear(37, 11)  # of shapes that no module of another test has, which would be found, too
    teacher = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = JoiningWatcher({"": model}, [optimizer])
    watcher.attach()
    watcher.add_copies()
    x = torch.randn(64, 37)
    for _ in range(30):
        with torch.no_grad():
            wanted = teacher(x)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), wanted).backward()
        optimizer.step()
    watcher.detach()
    assert len(watcher.record.copies) == 1
    assert watcher.record.evaluations == []
    assert check_averages(watcher.record) == []
    assert not teacher._forward_hooks
    assert not teacher._forward_pre_hooks


def test_two_models_of_one_class_are_no_copies_of_each_other() -> None:
    critics = {"first": nn.Bilinear(3, 5, 2), "second": nn.Bilinear(3, 5, 2)}
    parameters = [p for critic in critics.values() for p in critic.parameters()]
    watcher = JoiningWatcher(critics, [torch.optim.SGD(parameters, lr=0.1)])
    watcher.attach()
    watcher.add_copies()
    watcher.detach()
    assert watcher.record.copies == []
