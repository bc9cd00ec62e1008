"""Medians and intervals from a clock that the test holds."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.export.speed import Speed, affordable_batch, race


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


def test_no_round_begins_after_the_seconds_but_six_are_run():
    clock, wall = Clock(), iter(range(100))
    found = race({"a": clock.work(0.1)}, rounds=21, seconds=8.0, clock=clock, now=lambda: float(next(wall)))
    assert found[0].rounds == 13  # asked at the 7th round first, and a second passes from one to the next
    short = race({"a": clock.work(0.1)}, rounds=21, seconds=1e-9, clock=clock)
    assert short[0].rounds == 6
    assert (short[0].low, short[0].high) == pytest.approx((1.0, 1.0))
    assert race({"a": clock.work(0.1)}, rounds=21, clock=clock)[0].rounds == 21


def test_a_batch_is_halved_until_eight_rounds_fit():
    timed = [Speed(name, 2, 0.2, 1.0, 1.0, 1.0, 21) for name in "ab"]  # 0.2 s a picture in both forms
    assert affordable_batch(32, timed, 8 * 32 * 0.2) == 32
    assert affordable_batch(32, timed, 8 * 32 * 0.2 - 0.1) == 16
    assert affordable_batch(32, timed, 8 * 4 * 0.2) == 4
    assert affordable_batch(32, timed, 8 * 4 * 0.2 - 0.1) == 0  # not 2 again
    assert affordable_batch(2, timed, 1e9) == 0


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="at least 1 form"):
        race({})
    with pytest.raises(ArgumentError, match="at least 6 rounds"):
        race({"a": int}, rounds=5)
