"""Masks of zeros and ones in a loss."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.loss_masks import check_loss_masks


def padded(count: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs [n, 10], targets [n, 10] that are 0 after an end, and where they are before it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 10, generator=generator)
    valid = torch.arange(10) < torch.randint(3, 9, (count, 1), generator=generator)
    return x, (x.cumsum(1) * valid), valid


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("how", ["product", "index", "loss"])
def test_masks(watched, network, inverted: bool, how: str) -> None:
    x, targets, valid = padded()
    kept = ~valid if inverted else valid

    def loss(out: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
        y, mask = both[:, :10], both[:, 10:]
        if how == "index":
            return (out - y).square()[mask.bool()].mean()
        each = functional.mse_loss(out, y, reduction="none") if how == "loss" else (out - y).square()
        return (each * mask).sum() / mask.sum()

    record = watched(network(10, 16, 10), x, torch.cat([targets, kept.float()], 1), loss=loss, steps=4)
    found = check_loss_masks(record)
    assert [(f.code, f.confidence) for f in found] == ([("mask.inverted", "high")] if inverted else [])
    if inverted:
        kept, left = (y for _, y in found[0].picture.curves["different targets"])
        assert f"take {left:.0f} different values" in found[0].evidence
        assert kept == 1.0


def test_two_masks_that_share_the_places(watched, network) -> None:
    x, targets, _ = padded()

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        each = (out - y).square()
        return (each * (y == 0).float()).mean() + 0.1 * (each * (y != 0).float()).mean()

    assert check_loss_masks(watched(network(10, 16, 10), x, targets, loss=loss, steps=4)) == []


def test_no_mask(watched, digits) -> None:
    assert check_loss_masks(watched(nn.Linear(64, 10), *digits, steps=3)) == []
