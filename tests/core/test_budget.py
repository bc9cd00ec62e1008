"""Budgets are read strictly and clocks end on time."""

import pytest

from fivefold.core import ArgumentError, Budget, Clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("2m", 120), ("1.5h", 5400), ("500ms", 0.5), (3, 3), (" 7 ", 7), (".5", 0.5)],
)
def test_durations_are_read(text, seconds):
    assert Budget.parse(text).seconds == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("text", ["", "fast", "-3s", "0", "5 parsecs", "inf", "nan", "1e400"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ArgumentError):
        Budget.parse(text)


def test_a_budget_and_none_pass_through():
    budget = Budget(steps=3)
    assert Budget.parse(budget) is budget
    assert Budget.parse(None) == Budget()
    with pytest.raises(ArgumentError, match="steps of at least 0"):
        Budget(steps=-1)


def test_a_clock_is_spent_by_steps_or_by_time():
    times = iter([10.0, 10.5, 13.5])
    clock = Clock(Budget(seconds=3.0, steps=2), now=lambda: next(times))
    assert clock.spent(2)
    assert not clock.spent(1)
    assert clock.spent(1)


def test_what_is_left_of_a_budget():
    assert Budget(seconds=3.0, steps=10).minus(1.0, 4) == Budget(seconds=2.0, steps=6)
    assert Budget().minus(5.0, 5) == Budget()
    assert Budget(steps=4).minus(0.0, 4) is None
    assert Budget(seconds=1.0).minus(1.0, 0) is None
