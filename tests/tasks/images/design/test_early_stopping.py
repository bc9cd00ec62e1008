"""Bars: a share of what earlier networks had, and none before enough were judged."""

import math

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.early_stopping import RUNGS, Bars, bars_from


def test_the_first_generation_has_no_bars():
    assert bars_from([]) == Bars()
    assert bars_from([(0.5, 0.6, 0.7)] * 7).heights == (-math.inf,) * len(RUNGS)
    assert not Bars().stops(0, -1.0)


def test_the_share_of_the_stated_quantile_is_stopped(rng):
    """Of numbers from one distribution a share s lies below the bar, up to the noise of 2,000."""
    earlier = [(value, value, value) for value in rng.random(2_000)]
    for share in (0.25, 0.5, 0.75):
        bars = bars_from(earlier, share=share)
        for rung, part in enumerate((2 / 3, 1.0)):
            stopped = np.mean([bars.stops(rung, value) for value in rng.random(2_000)])
            assert stopped == pytest.approx(part * share, abs=0.05)


def test_the_second_rung_is_set_by_those_that_reached_it():
    stopped, went_on = [(0.1,)] * 10, [(0.5, 0.1 * k, 0.9) for k in range(1, 9)]
    bars = bars_from([*stopped, *went_on])
    assert bars.heights == (0.1, pytest.approx(0.5))


def test_one_that_equals_the_bar_goes_on():
    bars = bars_from([(0.5, 0.5, 0.5)] * 10)
    assert not bars.stops(0, 0.5)
    assert bars.stops(0, 0.499)


def test_without_a_share_nothing_is_stopped():
    assert bars_from([(0.5, 0.5, 0.5)] * 10, share=0.0) == Bars()
    with pytest.raises(ArgumentError, match="share"):
        bars_from([], share=1.5)
