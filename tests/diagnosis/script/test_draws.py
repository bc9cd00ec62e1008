"""Generators are as they were found, also after a failure."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from fivefold.diagnosis.script.discovery import Discovery
from fivefold.diagnosis.script.draws import unchanged_draws


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def seed() -> None:
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)


def test_all_three_generators() -> None:
    seed()
    expected = draws()
    seed()
    with unchanged_draws():
        assert draws() == expected
    with pytest.raises(ZeroDivisionError), unchanged_draws():
        _ = draws()[0] / 0
    assert draws() == expected


def test_a_model_that_draws_from_python_and_numpy_ends_with_the_same_bits() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            x = self.layers[0](x)
            for layer in self.layers[1:]:
                if random.random() < 0.5:
                    x = layer(x).relu() + np.random.rand() * x
            return x

    def trained() -> float:
        seed()
        net = Odd()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(8):
            optimizer.zero_grad()
            net(torch.randn(16, 4)).pow(2).mean().backward()
            optimizer.step()
        return sum(p.double().sum().item() for p in net.parameters()) + sum(draws())

    alone = trained()
    discovery = Discovery(lambda: None)
    discovery.begin()
    try:
        assert trained() == alone
    finally:
        discovery.end()
    assert len(discovery.trainings[0].record.tapes) > 0, "some updates were played again"
