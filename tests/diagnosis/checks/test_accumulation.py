"""Gradients that are never cleared."""

import pytest

from fivefold.diagnosis.checks.accumulation import check_accumulation
from fivefold.diagnosis.observation.record import Record, Step


def record(stale: list[bool]) -> Record:
    steps = [Step(i, backwards=1, stale=s) for i, s in enumerate(stale)]
    return Record(steps=steps, count=len(steps))


@pytest.mark.parametrize(
    ("stale", "found"),
    [
        ([False, True, True, True], True),
        ([False, False, False], False),
        ([False, True], False),  # one update more is needed to say so
        ([False, True, False, False, False], False),
    ],
)
def test_share_of_updates(stale: list[bool], found: bool) -> None:
    assert bool(check_accumulation(record(stale))) == found


def test_half_is_enough_of_one_optimizer_and_not_of_two() -> None:
    seen = record([False, True, True, False, True, True])
    seen.optimizers = ["SGD"]
    assert check_accumulation(seen)[0].code == "gradient.accumulates"
    seen.optimizers = ["Adam", "Adam"]  # of a generator and its critic
    assert check_accumulation(seen) == []
