"""A generator and its critic."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.adversaries import check_adversaries

Loss = Callable[[Tensor, bool], Tensor]


def crossed(score: Tensor, real: bool) -> Tensor:
    return functional.binary_cross_entropy_with_logits(score, torch.full_like(score, float(real)))


def smoothed(score: Tensor, real: bool) -> Tensor:
    """Data asks for 0.6 alone: the critic is soon past it, and its slopes there have both signs."""
    return functional.binary_cross_entropy_with_logits(score, torch.full_like(score, 0.6 * float(real)))


def squared(score: Tensor, real: bool) -> Tensor:
    return (score - float(real)).square().mean()


def hinge(score: Tensor, real: bool) -> Tensor:
    return functional.relu(1.0 - score if real else 1.0 + score).mean()


def wasserstein(score: Tensor, real: bool) -> Tensor:
    return -score.mean() if real else score.mean()


def record_of(loss: Loss, *, wanted: bool = True, last: nn.Module | None = None, again: bool = True):
    """Train on numbers between -1 and 1; `wanted` is what the generator asks the critic to say."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 6), last or nn.Tanh())
    critic = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    one = torch.optim.Adam(generator.parameters(), lr=1e-3)
    other = torch.optim.Adam(critic.parameters(), lr=1e-2)
    with ff.watch({"g": generator, "d": critic}, [one, other], every=1) as seen:
        for _ in range(16):
            made, real = generator(torch.randn(32, 4)), torch.randn(32, 6).clamp(-1, 1)
            other.zero_grad()
            (loss(critic(real), True) + loss(critic(made.detach()), False)).backward()
            other.step()
            made = generator(torch.randn(32, 4)) if again else made
            one.zero_grad()
            (loss(critic(made), wanted)).backward()
            one.step()
    return seen.record


@pytest.mark.parametrize("loss", [crossed, smoothed, squared, wasserstein])
@pytest.mark.parametrize("again", [True, False])
def test_sides(loss: Loss, again: bool) -> None:
    assert check_adversaries(record_of(loss, again=again)) == []
    found = check_adversaries(record_of(loss, wanted=False, again=again))
    assert [(f.code, f.confidence) for f in found] == [("loss.same-side", "high")]
    (pulled,) = found[0].picture.curves.values()
    assert f"in {pulled[1][1]:.0%} of the examples or more" in found[0].evidence
    assert all(y > found[0].picture.level[0] for _, y in pulled)


def test_losses_with_a_margin() -> None:
    def asked(score: Tensor, real: bool) -> Tensor:
        return hinge(score, real)

    assert check_adversaries(record_of(asked)) == []
    assert [f.code for f in check_adversaries(record_of(asked, wanted=False))] == ["loss.same-side"]


def test_a_range_that_does_not_reach_the_data() -> None:
    class Steep(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(20 * x)

    found = check_adversaries(record_of(crossed, last=Steep()))
    assert [(f.code, f.confidence) for f in found] == [("output.activation", "high")]
    assert "at the bound 0" in found[0].evidence
    shown = found[0].picture
    low, high = (shown.curves[side][shown.names.index("data")][1] for side in ("least", "largest"))
    assert f"in [{low:.3g}, {high:.3g}]" in found[0].evidence
    assert low < shown.level[0] == 0.0
    assert check_adversaries(record_of(crossed, last=nn.Identity())) == []


def test_one_training_is_no_contest(watched, digits, network) -> None:
    assert check_adversaries(watched(network(64, 16, 10), *digits, steps=3)) == []
