"""The race on losses that are known as functions of the rate."""

import math

import pytest
import torch

from fivefold.optimize.rate_race import RateRace, height_of, smooth, valley


class Valley:
    """A probe whose loss is a valley over the rate, with noise of its own."""

    def __init__(self, rate, best, noise):
        generator = torch.Generator().manual_seed(int(1e6 * rate))
        height = math.log(rate / best) ** 2
        self._loss = 0.1 * math.exp(height + noise * float(torch.randn((), generator=generator)))
        self._blown = rate > 8 * best
        self.losses = []

    def advance(self, steps):
        for _ in range(steps):
            first = not self.losses
            self.losses.append(1.0 if first else math.inf if self._blown else self._loss)


@pytest.mark.parametrize("best", [3e-3, 0.017, 0.4])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_it_finds_the_valley(best, noise):
    race = RateRace(lambda rate, repeat: Valley(rate, best, noise), 5, 40, 1)
    race.run([1e-4 * 2**k for k in range(15)], None)
    assert race.inside
    assert abs(math.log(race.centre / best)) < (math.log(1.3) if noise == 0 else math.log(2))
    assert race.first == 1.0
    assert race.lowest < 0.2


def test_given_bounds_are_kept():
    race = RateRace(lambda rate, repeat: Valley(rate, 1.0, 0.0), 5, 40, 1)
    race.run([0.01, 0.02, 0.04], (0.01, 0.04))
    assert not race.inside
    assert float(race.history["rate"].max()) <= 0.04


def test_heights_of_negative_and_of_no_finite_losses():
    assert height_of(torch.tensor([-1.0, 0.0, 1.0])).tolist() == [0.0, 1.5, 3.0]
    assert height_of(torch.tensor([-1.0, 0.0, math.inf])).tolist() == [0.0, 3.0, 3.0]
    assert height_of(torch.tensor([math.inf, math.nan])).tolist() == [0.0, 0.0]


def test_the_middle_of_a_valley_is_kept_by_reflection():
    height = torch.tensor([3.0, 2.0, 0.6, 0.0, 0.1, 0.3, 1.0, 3.0], dtype=torch.float64)
    assert valley(height) == pytest.approx(7 - valley(height.flip(0)))
    assert 3 < valley(height) < 5
    assert smooth(torch.ones(4, dtype=torch.float64), (1.0, 2.0, 1.0)).tolist() == [1.0] * 4
