"""Medians of calls, on a clock that tells what it is told."""

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.networks.stopwatch import call_seconds, stopwatch


def timed(*seconds):
    """A clock by which each call takes the next of these seconds, with one second between calls."""
    steps = [0.0]
    for spent in seconds:
        steps += [spent, 1.0]
    ticks = iter(np.cumsum(steps))
    return lambda: next(ticks)


def test_the_stopwatch_goes_forward():
    clock = stopwatch()
    first = clock()
    sum(range(10_000))
    assert clock() > first


def test_the_median_is_of_the_calls_after_the_first():
    """A first call of 9 s, then 10, 30 and 20 ms, and a tenth of a second is over with 60 more."""
    clock = timed(9, 0.010, 0.030, 0.020, 0.060)
    assert call_seconds(lambda: None, clock=clock) == pytest.approx(0.025)


def test_calls_that_are_not_counted_are_made():
    calls = []
    found = call_seconds(
        lambda: calls.append(1), uncounted=3, least=2, most=2, clock=timed(7, 8, 9, 0.5, 0.7)
    )
    assert (found, len(calls)) == (pytest.approx(0.6), 5)


def test_at_least_and_at_most_so_many_are_counted():
    assert call_seconds(lambda: None, least=3, enough=0.0, clock=timed(1, 2, 2, 5)) == 2.0
    assert call_seconds(lambda: None, most=2, enough=99.0, clock=timed(1, 2, 4)) == 3.0
    assert call_seconds(lambda: None, most=2, enough=99.0, statistic=min, clock=timed(1, 2, 4)) == 2.0


def test_what_is_far_beyond_its_limit_is_called_once():
    calls = []
    found = call_seconds(lambda: calls.append(1), uncounted=2, limit=1.0, clock=timed(6.0))
    assert (found, calls) == (6.0, [1])
    assert call_seconds(lambda: None, limit=1.0, most=1, clock=timed(5.0, 4.0)) == 4.0


@pytest.mark.parametrize("wrong", [{"uncounted": 0}, {"least": 0}, {"least": 6}])
def test_numbers_of_calls_that_cannot_be(wrong):
    with pytest.raises(ArgumentError, match="at least 1 call"):
        call_seconds(lambda: None, **wrong)
