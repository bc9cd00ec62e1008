"""The race on losses that are known as functions of the rate."""

import math

import numpy as np
import pytest
import torch

from fivefold.optimize.learning_rate.rate_race import RateRace, height_of, late_height, smooth, valley


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


REACH = math.log(2) / math.log(1.5)


def likeliest(height, reach):
    """The middle of the heaviest window by the definition: a float64 sum over a fine mesh."""
    curve = np.convolve(np.concatenate([height[:1], height, height[-1:]]), [0.25, 0.5, 0.25], "valid")
    low = np.sort(curve)
    noise = min(max(0.5 * (low[3] - low[0]), 0.01), 0.3)
    x = np.linspace(0, len(curve) - 1, 4001)
    weight = np.exp(-(np.interp(x, np.arange(len(curve)), curve) - low[0]) / noise)
    mass = np.array([weight[np.abs(x - centre) <= reach].sum() for centre in x])
    return x[mass >= 0.98 * mass.max()].mean()


@pytest.mark.parametrize(
    "height",
    [
        [3.0, 2.0, 0.6, 0.0, 0.1, 0.3, 1.0, 3.0],
        [0.02, 0.0, 0.01, 0.015, 0.01, 3.0, 3.0],  # flat, then blown up
        [0.0, 0.1, 0.2, 0.7, 0.9, 0.4, 0.0, 0.2, 0.0],  # two valleys: the noise scale decides
        [0.9, 0.1, 0.05, 0.1, 0.2, 0.15, 0.0, 0.8, 3.0],  # a wide valley beside a narrow one
    ],
)
def test_the_likeliest_window_agrees_with_a_fine_mesh(height):
    found = valley(torch.tensor(height, dtype=torch.float64), REACH)
    assert found == pytest.approx(likeliest(np.array(height), REACH), abs=0.06)


def test_the_likeliest_window_is_kept_by_reflection_and_holds_the_wider_valley():
    height = torch.tensor([3.0, 2.0, 0.6, 0.0, 0.1, 0.3, 1.0, 3.0], dtype=torch.float64)
    assert valley(height, REACH) == pytest.approx(7 - valley(height.flip(0), REACH))
    assert 3 < valley(height, REACH) < 5
    lucky = torch.tensor([3.0, 0.1, 0.1, 0.1, 1.0, 2.0, 2.0, 0.0, 2.0, 3.0], dtype=torch.float64)
    assert int(lucky.argmin()) == 7
    assert valley(lucky, REACH) < 3
    assert valley(torch.zeros(7, dtype=torch.float64), REACH) == pytest.approx(3.0)
    assert valley(torch.zeros(1, dtype=torch.float64), REACH) == 0.0
    assert smooth(torch.ones(4, dtype=torch.float64), (1.0, 2.0, 1.0)).tolist() == [1.0] * 4


def test_late_epochs_are_averaged_as_logarithms_and_a_blown_up_one_is_capped():
    losses = torch.tensor([[8.0, 4.0], [2.0, 2.0], [math.inf, math.inf]], dtype=torch.float64)
    expected = [(math.log(4) + math.log(2)) / 2, 0.0, 3.0]
    assert late_height(losses).tolist() == pytest.approx(expected, rel=1e-14)


class Recorded:
    """A probe whose losses are 1, 2, 3, ..."""

    def __init__(self):
        self.losses = []

    def advance(self, steps):
        self.losses += [float(len(self.losses) + k + 1) for k in range(steps)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (6, [2.0, 5.0]),  # shorter than an epoch: its halves
        (50, [43.0, 48.0]),  # ten epochs of five updates: a fifth is two
        (100, [83.0, 88.0, 93.0, 98.0]),
        (1, [1.0]),
    ],
)
def test_the_last_fifth_of_the_epochs_is_judged(steps, expected):
    race = RateRace(lambda rate, repeat: Recorded(), 5, 100, 1)
    assert race._advance([[Recorded()]], steps).tolist() == [expected]
    assert race.steps == steps


@pytest.mark.parametrize("best", [2e-4, 0.9])
def test_the_fine_grid_grows_towards_the_best_where_short_trainings_mislead(best):
    class Misled:
        def __init__(self, rate):
            self.rate, self.losses = rate, []

        def advance(self, steps):
            lowest = 0.02 if steps <= 5 else best
            self.losses += [0.1 * math.exp(math.log(self.rate / lowest) ** 2)] * steps

    race = RateRace(lambda rate, repeat: Misled(rate), 5, 40, 1)
    race.run([1e-5 * 2**k for k in range(20)], None)
    assert race.inside
    assert abs(math.log(race.centre / best)) < math.log(1.5)
