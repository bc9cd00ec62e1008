"""Series of a record: finite, bounded, and the numbers that the record holds."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.record import (
    Evaluation,
    FirstWeights,
    Group,
    LayerStep,
    LossCall,
    ParameterStep,
    Record,
    Step,
)
from fivefold.diagnosis.observation.series import MOST_LAYERS, MOST_POINTS, described, training_series
from fivefold.diagnosis.observation.summary import Summary
from fivefold.diagnosis.watch import watch

SUMMARY = Summary((4, 3), "float32", 0.0, 2.0, -1.0, 1.0, 1.0, 0.6)


def step(index: int, **more: Any) -> Step:
    return Step(index, loss=1.0 / (1 + index), **more)


def test_curves_leave_out_what_is_not_finite() -> None:
    record = Record(steps=[step(0), Step(1, loss=math.nan), Step(2, loss=math.inf), step(3)])
    assert training_series(record)["loss"] == [[0.0, 1.0], [3.0, 0.25]]


def test_long_curves_are_thinned_from_end_to_end() -> None:
    record = Record(steps=[step(i) for i in range(10_000)])
    loss = training_series(record)["loss"]
    assert len(loss) == MOST_POINTS
    assert (loss[0][0], loss[-1][0]) == (0.0, 9999.0)
    gaps = [b[0] - a[0] for a, b in pairwise(loss)]
    assert max(gaps) - min(gaps) <= 1


def test_evaluations_and_rates() -> None:
    call = LossCall("mse_loss", {}, 3.0, SUMMARY, SUMMARY, math.nan, math.nan, (), None)
    record = Record(
        steps=[step(0, groups=[Group("SGD", {"lr": 0.1}, ()), Group("SGD", {"lr": 0.2}, ())])],
        evaluations=[
            Evaluation(5, losses=[call], right=0, compared=4),
            Evaluation(9),
            Evaluation(7, right=1),
        ],
    )
    series = training_series(record)
    assert series["held_out"] == [[5.0, 3.0]]
    assert series["right"] == [[5.0, 0.0]], "none right is a share too; none compared is not"
    assert series["rates"] == {"SGD": [[0.0, 0.1]], "SGD, group 2": [[0.0, 0.2]]}


def test_ten_thousand_layers() -> None:
    names = [f"blocks.{i}" for i in range(10_000)]
    parameters = [ParameterStep(f"{n}.weight", 2.0, 1.0, 0.5, 4) for n in names]
    layers = [LayerStep(n, "ReLU", SUMMARY, 0.9, math.nan) for n in names]
    record = Record(
        steps=[step(i, parameters=parameters, layers=layers) for i in range(4)],
        first_weights=[FirstWeights(n, "Linear", 2, 2, 1.0, 1.0, False) for n in names],
    )
    series = training_series(record)
    assert len(json.dumps(series)) < 60_000
    for part in (series["ratio"], series["gradients"], series["outputs"], series["idle"]):
        assert len(part["names"]) == MOST_LAYERS
        assert part["left_out"] == 10_000 - MOST_LAYERS
    assert series["ratio"]["names"][0] == "blocks.0.weight"
    assert series["ratio"]["names"][-1] == "blocks.9999.weight"
    assert series["ratio"]["curves"][0] == [[float(i), 0.25] for i in range(4)]
    # |g| / sqrt(numbers) = 1 / 2; the output's spread is 2; 90% of the units are dead.
    assert series["gradients"]["start"][0] == series["gradients"]["end"][0] == 0.5
    assert series["outputs"]["end"][7] == 2.0
    assert series["idle"]["dead"][3] == 0.9
    assert series["idle"]["saturated"][3] is None


def test_one_update_has_no_end() -> None:
    parameters = [ParameterStep("a.weight", 1.0, None, 0.0, 1)]
    series = training_series(Record(steps=[step(0, parameters=parameters)]))
    assert series["gradients"] == {"names": ["a.weight"], "start": [None], "end": [None], "left_out": 0}


def test_zero_weights_have_no_ratio() -> None:
    parameters = [ParameterStep("a.weight", 0.0, 1.0, 0.5, 1)]
    assert training_series(Record(steps=[step(0, parameters=parameters)]))["ratio"]["curves"] == [[]]


@pytest.mark.parametrize("updates", [0, 1, 2, 30])
def test_a_real_training(updates: int) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    with watch(net, optimizer, every=1) as seen:
        for _ in range(updates):
            optimizer.zero_grad()
            x = torch.randn(16, 3)
            nn.functional.mse_loss(net(x), x[:, :1]).backward()
            optimizer.step()
    record = seen.record
    told = described(record, "net")
    series = json.loads(json.dumps(told["series"], allow_nan=False))
    assert told["updates"] == updates
    assert told["models"] == ["net (Sequential)"]
    assert len(series["loss"]) == updates
    if updates > 1:
        assert series["ratio"]["names"] == ["0.weight", "2.weight", "4.weight"]
        first = record.steps[0].parameters[0]
        assert series["ratio"]["curves"][0][0][1] == pytest.approx(first.update / first.weight, rel=1e-5)
        assert set(series["idle"]["kinds"]) == {"ReLU", "Sigmoid"}
        assert set(series["seconds"]) == {"data", "forward", "backward", "update"}
        assert series["rates"]["Adam"][0][1] == pytest.approx(0.01)
