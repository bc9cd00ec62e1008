"""Seconds are read from whatever a user writes; steps are refused."""

import pytest

from fivefold.core import ArgumentError, Budget
from fivefold.tasks.seconds import seconds_of


def test_seconds_are_read_and_sixty_without_a_budget():
    assert (seconds_of("90s"), seconds_of(5), seconds_of(Budget(2.0)), seconds_of(None)) == (90, 5, 2, 60)


@pytest.mark.parametrize("budget", [Budget(steps=5), Budget(), Budget(3.0, 5)])
def test_a_budget_that_counts_otherwise_is_refused(budget):
    with pytest.raises(ArgumentError, match=r"a budget (with seconds|of seconds alone)"):
        seconds_of(budget)
