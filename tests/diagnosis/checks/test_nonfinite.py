"""Where numbers stop being finite."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.nonfinite import check_nonfinite


class Root(nn.Linear):
    def __init__(self, shift: float) -> None:
        super().__init__(64, 10)
        self.shift = shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.log(x.sum(1, keepdim=True) + self.shift) * x)


def test_the_operation_is_named(watched, digits) -> None:
    x, y = digits
    x = x.clone()
    x[::7] = 0.0
    found = check_nonfinite(watched(Root(0.0), x, y, steps=6))
    assert found[0].code == "nonfinite.operation"
    assert found[0].title.startswith("log gives")
    assert found[0].place.path == __file__
    assert check_nonfinite(watched(Root(1.0), x, y, steps=6)) == []


def test_the_loss_is_looked_at_too(watched, digits, network) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -(out.sigmoid().round()[torch.arange(len(y)), y].log() * out.mean(1)).mean()

    found = check_nonfinite(watched(network(64, 8, 10), *digits, loss=loss, steps=4))
    assert found[0].title.startswith("log gives")


def test_a_derivative(watched, digits, network) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (out - out.detach()).square().sum().sqrt() + functional.cross_entropy(out, y)

    found = check_nonfinite(watched(network(64, 8, 10), *digits, loss=loss, steps=3))
    assert found[0].title.startswith("the derivative of sqrt")


def test_missing_values(watched, digits, network) -> None:
    x, y = digits
    x = x.clone()
    x[3, 5] = math.nan
    found = check_nonfinite(watched(network(64, 8, 10), x, y, rows=lambda s: torch.arange(16) + s, steps=3))
    assert "1 of 16 examples" in found[0].evidence


def test_divergence(watched, network) -> None:
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    model = network(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e4)
    found = check_nonfinite(
        watched(model, x, x[:, :1], loss=functional.mse_loss, optimizer=optimizer, steps=60)
    )
    assert found[0].code in {"rate.too-high", "nonfinite.operation"}
    assert pytest.approx(1.0) == len(found)
