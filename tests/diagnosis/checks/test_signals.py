"""Signals whose channels were moved by a view."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.signals import check_signals, distances


def found(watched, x: Tensor) -> list[str]:
    """Codes of what is found; the picture shows the three numbers of the evidence."""
    model = nn.Sequential(nn.Conv1d(x.shape[1], 4, 5), nn.Flatten(), nn.LazyLinear(2))
    model(x[:1])
    told = check_signals(watched(model, x, torch.arange(len(x)) % 2, steps=3))
    for f in told:
        given, other, across = (v for _, v in next(iter(f.picture.curves.values())))
        assert f"lie {given:.2f} apart" in f.evidence
        assert f"{across:.2f} from one channel into the next" in f.evidence
        assert max(other, across) < f.picture.level[0] < given
    return [f.code for f in told]


def walks(channels: int = 5, steps: int = 40) -> Tensor:
    """Signals [n, steps, channels] whose neighbours in time are alike."""
    return torch.randn(96, steps, channels, generator=torch.Generator().manual_seed(0)).cumsum(1)


def levels() -> Tensor:
    """Noise in time whose channels have levels of their own, [n, steps, channels]."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(96, 40, 5, generator=generator) + torch.tensor([0.0, 3.0, -1.0, 1.0, -3.0])


def test_a_view_is_told_from_a_transposition(watched) -> None:
    for x in (walks(), levels()):
        assert found(watched, x.reshape(96, 5, 40)) == ["axis.channels"]
        assert found(watched, x.transpose(1, 2).contiguous()) == []


def test_what_repeats_after_as_many_steps_as_there_are_channels(watched) -> None:
    """Lag 5 is nearer than lag 1 within each channel; channels have nothing to do with each other."""
    phase = torch.rand(96, 5, 1, generator=torch.Generator().manual_seed(0)) * 6.28
    hum = (phase + torch.arange(40) * 6.2832 / 5).sin()
    apart = distances(hum)
    assert float(apart.other.mean()) < 0.6 * float(apart.given.mean())
    assert found(watched, hum) == []


def test_noise_and_one_channel_tell_nothing(watched) -> None:
    assert found(watched, torch.randn(96, 5, 40)) == []
    assert found(watched, walks(1).transpose(1, 2).contiguous()) == []


def test_other_models_are_left_alone(watched) -> None:
    """Frames of one wave, [n, frames, samples], are one stream on purpose, and nothing convolves along it."""
    x = walks().reshape(96, 5, 40)
    model = nn.Sequential(nn.Flatten(), nn.Linear(200, 2))
    assert check_signals(watched(model, x, torch.arange(96) % 2, steps=3)) == []
