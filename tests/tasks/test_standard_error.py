"""The standard error is what a mean of draws varies by."""

import math

import numpy as np
import pytest

from fivefold.tasks.standard_error import standard_error


def test_it_is_the_spread_of_the_means_of_many_draws():
    draws = np.random.default_rng(0).exponential(size=(20_000, 25))
    said = np.sqrt(np.mean([standard_error(each) ** 2 for each in draws]))
    assert said == pytest.approx(draws.mean(1).std(), rel=0.02)
    assert said == pytest.approx(1 / 5, rel=0.02)


def test_one_row_tells_nothing_of_its_spread():
    assert math.isnan(standard_error(np.ones(1)))
    assert standard_error(np.ones(2)) == 0.0
