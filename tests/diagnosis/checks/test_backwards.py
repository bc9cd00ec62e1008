"""Targets that run backwards in time."""

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.backwards import check_backwards


def returns() -> tuple[Tensor, Tensor]:
    """Rewards to come, [n, 10], and where sequences still last."""
    generator = torch.Generator().manual_seed(0)
    lasts = torch.arange(10) < torch.randint(3, 11, (300, 1), generator=generator)
    rewards = torch.rand(300, 10, generator=generator) * lasts
    return rewards.flip(1).cumsum(1).flip(1), lasts


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_returns(watched, network, turned: bool, first: bool) -> None:
    y, lasts = returns()
    y = y.flip(1) if turned else y

    def loss(out: Tensor, both: Tensor) -> Tensor:
        target, mask = both[:, 0], both[:, 1]
        if first:  # time is the first dimension
            out, target, mask = out.T, target.T.contiguous(), mask.T.contiguous()
        return ((target - out).square() * mask).sum() / mask.sum()

    both = torch.stack([y, lasts.float()], 1)
    told = check_backwards(watched(network(4, 8, 10), torch.randn(300, 4), both, loss=loss, steps=4))
    assert [(f.code, f.confidence) for f in told] == ([("loss.backwards", "high")] if turned else [])
    for f in told:
        (_, given), (_, other) = next(iter(f.picture.curves.values()))
        assert f"{given:.0%} have targets that are filled up" in f.evidence
        assert given < f.picture.level[0] < other == 1.0


def test_targets_that_go_on_after_the_end(watched, network) -> None:
    _, lasts = returns()
    both = torch.stack([torch.randn(300, 10), lasts.float()], 1)

    def loss(out: Tensor, both: Tensor) -> Tensor:
        return ((both[:, 0] - out).square() * both[:, 1]).mean()

    assert check_backwards(watched(network(4, 8, 10), torch.randn(300, 4), both, loss=loss, steps=4)) == []


def test_no_mask(watched, digits) -> None:
    assert check_backwards(watched(nn.Linear(64, 10), *digits, steps=3)) == []
