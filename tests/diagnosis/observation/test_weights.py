"""What a step did, against the difference of copies."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation.weights import StepMeasure, groups_of, norms


def test_norms_and_changes() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    model(torch.randn(5, 3)).square().sum().backward()
    before = [p.detach().clone() for p in model.parameters()]
    measure = StepMeasure(list(model.named_parameters()))
    optimizer.step()
    found = measure.finish()
    for step, p, b in zip(found, model.parameters(), before, strict=True):
        assert step.weight == pytest.approx(float(b.norm()))
        assert step.gradient == pytest.approx(float(p.grad.norm()))
        assert step.update == pytest.approx(float((p - b).detach().norm()))
        assert step.update == pytest.approx(0.5 * step.gradient, rel=1e-5)
    assert norms([]) == []


def test_a_parameter_without_a_gradient() -> None:
    model = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    model[0](torch.randn(3, 2)).sum().backward()
    found = StepMeasure(list(model.named_parameters())).finish()
    assert [p.gradient is None for p in found] == [False, False, True, True]
    assert all(p.finite for p in found)


def test_settings_of_groups() -> None:
    model = nn.Linear(2, 2)
    groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.2, betas=(0.8, 0.99))
    found = groups_of(optimizer, {id(model.weight): "weight", id(model.bias): "bias"})
    assert [g.settings["lr"] for g in found] == [0.1, 0.2]
    assert found[0].settings["beta2"] == 0.99
    assert [g.names for g in found] == [("weight",), ("bias",)]
