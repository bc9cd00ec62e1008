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
