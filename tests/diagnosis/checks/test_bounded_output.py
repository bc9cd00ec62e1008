"""Outputs at the bound of their activation."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.bounded_output import check_bounded_output
from fivefold.diagnosis.observation.record import Record


class Spread(nn.Module):
    """A mean and what its spread follows from, through an activation or none."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
        self.mean, self.spread, self.activation = nn.Linear(32, 1), nn.Linear(32, 1), activation

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h).squeeze(1), self.activation(self.spread(h)).squeeze(1)


def of_logarithm(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return 0.5 * (out[1] + (y - out[0]) ** 2 * torch.exp(-out[1])).mean()


def of_variance(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return functional.gaussian_nll_loss(out[0], y, out[1] + 1e-6)


def penalised(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return functional.mse_loss(out[0], y) + 0.5 * out[1].mean()


def trained(watched, loss, activation: nn.Module) -> Record:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 4, generator=generator)
    y = x[:, 0] + 0.05 * torch.randn(2048, generator=generator)
    torch.manual_seed(0)
    model = Spread(activation)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return watched(model, x, y, loss=loss, optimizer=optimizer, steps=160, batch=64)


@pytest.mark.parametrize(
    ("loss", "activation", "found"),
    [
        (of_logarithm, nn.Softplus(), True),
        (of_logarithm, nn.Identity(), False),
        (of_variance, nn.Softplus(), False),
        (penalised, nn.Softplus(), False),
    ],
)
def test_a_spread_through_an_activation(watched, loss, activation: nn.Module, found: bool) -> None:
    told = check_bounded_output(trained(watched, loss, activation))
    assert [(f.code, f.confidence) for f in told] == ([("output.activation", "medium")] if found else [])
    for f in told:
        assert "output 1" in f.evidence
        (points,) = f.picture.curves.values()
        assert min(v for _, v in points) < f.picture.level[0] - 0.5


def test_rectified_answers_whose_targets_are_not_negative(watched) -> None:
    def loss(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        return functional.mse_loss(out[1], y.clamp_min(0.0))

    assert check_bounded_output(trained(watched, loss, nn.Softplus())) == []
