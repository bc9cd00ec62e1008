"""The three lines around a loop, and what is refused."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional

import fivefold as ff
from fivefold.core import ArgumentError
from fivefold.diagnosis.findings import Findings


def loop(clear: bool, **settings) -> Findings:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    seen = ff.watch(model, optimizer, **settings)
    for _ in range(6):
        if clear:
            optimizer.zero_grad()
        x = torch.randn(16, 3)
        functional.mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()
    found = seen.findings()
    seen.close()
    return found


def test_a_fault_is_named_and_its_absence_is_not() -> None:
    assert loop(False, every=1)[0].code == "gradient.accumulates"
    assert "gradient.accumulates" not in [f.code for f in loop(True, every=1)]


def test_as_an_observer_of_train() -> None:
    seen = ff.watch(every=1)
    x = torch.randn(64, 4)
    ff.train(
        nn.Linear(4, 1),
        (x, x[:, :1]),
        loss="squared",
        optimizer="sgd",
        epochs=2,
        batch_size=16,
        callbacks=[seen],
    )
    assert seen.record.count == 8
    assert len(seen.record.steps) == 8
    assert seen.record.optimizers == ["SGD"]


def test_hooks_go_where_the_loop_fails() -> None:
    model = nn.Linear(3, 1)
    with pytest.raises(ValueError, match="stop"), ff.watch(model, torch.optim.SGD(model.parameters())):
        raise ValueError("stop")
    assert not model._forward_pre_hooks


@pytest.mark.parametrize(
    ("args", "settings", "says"),
    [
        ((3, None), {}, "a torch.nn.Module to watch"),
        ((nn.Linear(1, 1), None), {}, "a torch.optim.Optimizer"),
        ((), {"overhead": 0.0}, "overhead"),
        ((), {"every": 0}, "every at least 1"),
    ],
)
def test_refused(args, settings, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        ff.watch(*args, **settings)


def test_nothing_watched_yet() -> None:
    with pytest.raises(ArgumentError, match="got none yet"):
        ff.watch().findings()


def test_what_was_seen_as_plain_numbers() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with ff.watch(model, optimizer, every=1, deep=True) as seen:
        for _ in range(4):
            x = torch.randn(16, 3)
            optimizer.zero_grad()
            functional.mse_loss(model(x), x[:, :1]).backward()
            optimizer.step()
    found = seen.series()
    assert len(found["loss"]) == 4
    assert found["deep"]["edge"][0] == [0.0, 2.0]
    json.dumps(found, allow_nan=False)
