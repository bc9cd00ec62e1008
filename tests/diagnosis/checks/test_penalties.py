"""Penalties that are added to a loss written by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.penalties import check_penalties
from fivefold.diagnosis.observation.record import Record


def penalised(watched, factor: float, *, written: bool = True) -> Record:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1024, 4, generator=generator)
    y = x[:, 0] + 0.3 * torch.randn(1024, generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))

    def loss(out: Tensor, target: Tensor) -> Tensor:
        own = (out[:, 0] - target).square().mean() if written else functional.mse_loss(out[:, 0], target)
        return own + factor * sum(p.abs().sum() for p in model.parameters())

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return watched(model, x, y, loss=loss, optimizer=optimizer, steps=120)


@pytest.mark.parametrize(
    ("factor", "found"), [(2.0, [("regularisation.penalty", "high")]), (1e-5, []), (1e-3, [])]
)
def test_lasso(watched, factor: float, found) -> None:
    told = check_penalties(penalised(watched, factor))
    assert [(f.code, f.confidence) for f in told] == found
    for f in told:
        norms = [y for _, y in f.picture.curves["weights"]]
        assert norms[-1] < 0.25 * norms[0]


def test_losses_of_torch_are_looked_at_elsewhere(watched) -> None:
    assert check_penalties(penalised(watched, 2.0, written=False)) == []
