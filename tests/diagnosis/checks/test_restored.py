"""Trainings that end at the weights that they began with."""

import copy

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.restored import check_restored
from fivefold.diagnosis.observation.record import Record


def trained(digits: tuple[Tensor, Tensor], watched, *, restored: str, rate: float = 0.1) -> Record:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    first = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    record = watched(model, *digits, optimizer=optimizer, steps=12)
    last = {name: w + 0.0 for name, w in model.state_dict().items()}
    kept = {"first": first, "last": last, "half": {n: (first[n] + last[n]) / 2 for n in first}}[restored]
    model.load_state_dict(kept)
    record.ended = True
    return record


def test_first_weights_that_are_loaded_at_the_end(digits, watched) -> None:
    record = trained(digits, watched, restored="first")
    (found,) = check_restored(record)
    assert (found.code, found.confidence) == ("fit.restored", "high")
    assert "12 updates moved the norm of 4 tensors" in found.evidence
    curves = found.picture.curves
    assert curves["at the end"][0][1] == pytest.approx(curves["training"][0][1], rel=1e-6)
    record.ended = False  # it goes on
    assert check_restored(record) == []


@pytest.mark.parametrize("restored", ["last", "half"])
def test_weights_that_were_learnt(digits, watched, restored: str) -> None:
    assert check_restored(trained(digits, watched, restored=restored)) == []


def test_weights_that_no_update_moved(digits, watched) -> None:
    assert check_restored(trained(digits, watched, restored="first", rate=1e-9)) == []


def test_folds_that_each_begin_at_the_same_weights(digits, watched) -> None:
    record = trained(digits, watched, restored="first")
    record.steps[6].parameters = record.steps[0].parameters
    assert check_restored(record) == []
