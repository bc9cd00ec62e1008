"""Losses with a part that is held still."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.stopped_gradients import check_stopped_gradients

Loss = Callable[[Tensor, Tensor], Tensor]


def likelihood(out: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (out[:, 1] + (y - out[:, 0]) ** 2 * torch.exp(-out[:, 1])).mean()


def weight_held_still(out: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (out[:, 1] + (y - out[:, 0]) ** 2 * torch.exp(-out[:, 1].detach())).mean()


def to_each_other(out: Tensor, y: Tensor) -> Tensor:
    """As codebooks are learnt: each side is drawn to the other, held still."""
    a, b = out[:, 0], out[:, 1]
    return ((a.detach() - b) ** 2 + 0.25 * (a - b.detach()) ** 2 + (a - y) ** 2).mean()


def focused(out: Tensor, y: Tensor) -> Tensor:
    """Examples weighted by their own error, held still."""
    error = (out[:, 0] - y) ** 2
    return (error.detach().sqrt() * error).mean() + 0.01 * out[:, 1].square().mean()


@pytest.mark.parametrize(
    ("loss", "found"),
    [(weight_held_still, True), (likelihood, False), (to_each_other, False), (focused, False)],
)
def test_parts_of_a_loss(watched, loss: Loss, found: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1024, 4, generator=generator)
    y = x[:, 0] + 0.3 * torch.randn(1024, generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    told = check_stopped_gradients(watched(model, x, y, loss=loss, optimizer=optimizer, steps=100))
    assert [(f.code, f.confidence) for f in told] == ([("gradient.detached", "high")] if found else [])
    for f in told:
        assert f.place is not None
        assert min(share for _, share in f.picture.curves["share"]) >= 0.5
