"""Weights that are thrown far out."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.grown_weights import check_grown_weights


def normed() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10), nn.LayerNorm(10)
    )


@pytest.mark.parametrize(("rate", "found"), [(300.0, True), (0.1, False), (1e-5, False)])
def test_rates_that_norms_hide(watched, digits, rate: float, found: bool) -> None:
    x, y = digits
    model = normed()
    model[4].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    record = watched(model, x, y, optimizer=optimizer, steps=30)
    told = check_grown_weights(record)
    assert [(f.code, f.confidence) for f in told] == ([("rate.too-high", "medium")] if found else [])
    for f in told:
        norms = [v for _, v in f.picture.curves["weights"]]
        assert norms[-1] > 3.0 * norms[0]
        assert 0.0 < f.figures["to"] < rate


def test_weights_that_begin_near_zero_may_grow(watched, digits) -> None:
    model = nn.Linear(64, 10)
    with torch.no_grad():
        model.weight.mul_(1e-3)
        model.bias.mul_(1e-3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    assert check_grown_weights(watched(model, *digits, optimizer=optimizer, steps=10)) == []


@pytest.mark.parametrize(("rate", "found"), [(1.0, False), (1e4, True)])
def test_weights_may_grow_where_something_is_learnt(watched, digits, rate: float, found: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(64, 10)
    with torch.no_grad():
        model.weight.mul_(0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    record = watched(model, *digits, optimizer=optimizer, steps=60)
    norms = [sum(p.weight**2 for p in s.parameters) ** 0.5 for s in record.steps]
    assert norms[-1] > 3.0 * norms[0] > 3.0 * 0.01 * 650**0.5
    assert bool(check_grown_weights(record)) == found
