"""Pairs of times and the interval of their ratio's median."""

from itertools import count

import pytest
import torch
from scipy.stats import binom

from fivefold.core import ArgumentError
from fivefold.networks.paired_times import fewest_pairs, median_interval, time_pairs


@pytest.mark.parametrize("n", [6, 9, 20, 51])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_the_narrowest_of_its_level(n, level):
    low, high = median_interval([float(i) for i in range(1, n + 1)], level)
    k = int(low)
    assert high == n + 1 - k
    assert 1 - 2 * binom.cdf(k - 1, n, 0.5) >= level
    assert 1 - 2 * binom.cdf(k, n, 0.5) < level


def test_it_covers_a_skewed_median_as_often_as_it_says():
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand((2_000, 15), generator=generator).log().neg()  # exponential: median log 2
    held = [low <= 0.6931 <= high for low, high in (median_interval(s.tolist(), 0.9) for s in samples)]
    exact = 1 - 2 * binom.cdf(3, 15, 0.5)  # 0.965: 4th and 12th
    assert sum(held) / 2_000 == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 2_000) ** 0.5)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_fewest_pairs(level):
    n = fewest_pairs(level)
    assert 1 - 2 * binom.pmf(0, n, 0.5) >= level
    assert n == 1 or 1 - 2 * binom.pmf(0, n - 1, 0.5) < level
    with pytest.raises(ArgumentError, match=f"at least {n} values"):
        median_interval([1.0] * (n - 1), level)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(ArgumentError, match="a level between 0 and 1"):
        fewest_pairs(level)


class Machine:
    """A clock that the computations move themselves; each call of ``slow`` is slower than the last."""

    def __init__(self):
        self.now, self.order, self.factor = 0.0, [], count(1)

    def run(self, name, seconds):
        def one():
            self.order.append(name)
            self.now += seconds * next(self.factor)

        return one


def test_the_ratio_is_found_on_a_machine_that_slows_down():
    machine = Machine()
    times = time_pairs(machine.run("a", 4.0), machine.run("b", 2.0), 0.0, 0.95, clock=lambda: machine.now)
    assert times.pairs == 6
    assert times.lower < 0.5 < times.upper
    assert times.ratio == pytest.approx(0.5, abs=0.05)
    assert "".join(machine.order) == "aabb" + "abba" * 3


def test_short_computations_are_repeated_within_a_time():
    machine = Machine()
    machine.factor = iter(lambda: 1, 0)
    times = time_pairs(machine.run("a", 2**-12), machine.run("b", 2**-12), 0.0, clock=lambda: machine.now)
    assert len(machine.order) == 4 + 6 * 2 * 8  # 2 ms a time
    assert (times.ratio, times.before_ms) == (1.0, 1e3 * 2**-12)


def test_a_long_computation_is_not_repeated_because_the_other_one_is_short():
    machine = Machine()
    machine.factor = iter(lambda: 1, 0)
    time_pairs(machine.run("a", 1.0), machine.run("b", 2**-12), 0.0, clock=lambda: machine.now)
    assert machine.order.count("a") == 2 + 6


def test_an_interval_of_many_pairs():
    low, high = median_interval([float(i) for i in range(3000)], 0.95)
    # the normal approximation: 1500 -+ 1.96 sqrt(3000) / 2
    assert 1443 <= low <= 1449
    assert 1550 <= high <= 1556
