"""Batch norm whose running statistics stay where they began."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.running_statistics import check_running_statistics


def normed(momentum: float | None, scale: float = 1.0) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(64, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 10)
    )
    with torch.no_grad():
        model[0].weight.mul_(scale)
        model[0].bias.mul_(scale)
    return model


@pytest.mark.parametrize(("momentum", "found"), [(1e-4, True), (1e-3, True), (0.1, False), (None, False)])
def test_momentum_of_batch_norm(watched, digits, momentum: float | None, found: bool) -> None:
    told = check_running_statistics(watched(normed(momentum), *digits, steps=60))
    assert [(f.code, f.confidence) for f in told] == (
        [("normalisation.stale-statistics", "high")] if found else []
    )
    if told:
        # (1 - m)^n, from torch's own count of batches.
        assert told[0].picture.curves["share"][0][1] == pytest.approx((1 - momentum) ** 60)


def test_short_trainings_and_frozen_layers_are_left_out(watched, digits) -> None:
    assert check_running_statistics(watched(normed(1e-4), *digits, steps=20)) == []
    model = normed(1e-4)
    model[1].weight.requires_grad_(False)
    assert check_running_statistics(watched(model, *digits, steps=60)) == []


def test_batches_whose_statistics_are_the_first_values(watched, digits) -> None:
    x, y = digits
    white = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.BatchNorm1d(64, momentum=1e-4), nn.Linear(64, 10))
    assert check_running_statistics(watched(model, white, y, steps=40)) == []
    assert len(check_running_statistics(watched(model, 5.0 * white, y, steps=40))) == 1
