"""Medians and intervals from a clock that the test holds."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.export.speed import race


class Clock:
    """Seconds that only work takes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        def run():
            self.now += seconds

        return run


def test_ratios_are_those_of_the_rounds():
    clock = Clock()
    first, second = race({"a": clock.work(0.01), "b": clock.work(0.004)}, batch=4, rounds=7, clock=clock)
    assert (first.name, first.batch, first.ratio) == ("a", 4, 1.0)
    assert second.seconds == pytest.approx(0.004)
    assert (second.low, second.ratio, second.high) == pytest.approx((0.4, 0.4, 0.4))
    assert second.to_record()["ratio"] == second.ratio


def test_what_slows_whole_rounds_does_not_move_the_ratio():
    clock = Clock()
    slow = iter([1.0] * 8 + [1.0, 5.0, 1.0, 20.0, 3.0, 1.0, 9.0] * 2)
    pace = {"now": 1.0, "calls": 0}

    def work(seconds):
        def run():
            if pace["calls"] % 2 == 0:
                pace["now"] = next(slow)
            pace["calls"] += 1
            clock.now += seconds * pace["now"]

        return run

    found = race({"a": work(0.1), "b": work(0.05)}, rounds=7, clock=clock)
    assert found[1].ratio == pytest.approx(0.5)


def test_short_calls_are_repeated_within_a_sample():
    clock = Clock()
    counted = {"calls": 0}

    def run():
        counted["calls"] += 1
        clock.now += 1e-4

    assert race({"a": run}, rounds=6, clock=clock)[0].seconds == pytest.approx(1e-4)
    assert counted["calls"] == 2 + 6 * 20  # 2 ms a sample


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="at least 1 form"):
        race({})
    with pytest.raises(ArgumentError, match="at least 6 rounds"):
        race({"a": int}, rounds=5)
