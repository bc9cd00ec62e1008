"""Layers that nobody trains."""

import torch
from torch import nn

from fivefold.diagnosis.checks.unregistered import check_unregistered


class Listed(nn.Module):
    def __init__(self, kind: type) -> None:
        super().__init__()
        self.blocks = kind([nn.Linear(64, 64), nn.Linear(64, 64)])
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x).relu()
        return self.head(x)


def test_layers_in_a_list(watched, digits) -> None:
    found = check_unregistered(watched(Listed(list), *digits, steps=3))
    assert [f.code for f in found] == ["parameters.unregistered"]
    assert "blocks" in found[0].evidence
    assert check_unregistered(watched(Listed(nn.ModuleList), *digits, steps=3)) == []


def test_parameters_outside_the_optimizer(watched, digits, network) -> None:
    model = network(64, 32, 10)
    partly = torch.optim.SGD(model[2].parameters(), lr=0.1)
    found = check_unregistered(watched(model, *digits, optimizer=partly, steps=3))
    assert [f.code for f in found] == ["parameters.outside-optimizer"]
    assert "2 of 4 parameters" in found[0].evidence
