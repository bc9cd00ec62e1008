"""Stages in which further parameters are trained."""

import pytest

from fivefold.diagnosis.checks.last_stage import check_last_stage
from fivefold.diagnosis.observation.record import Group, Record, Step


def staged(
    before: int, after: int, *, loss: float = 0.6, names: tuple[str, ...] = ("head", "trunk")
) -> Record:
    stages = [("head",)] * before + [names] * after
    steps = [
        Step(i, loss=0.7 if i < before else loss, backwards=1, groups=[Group("SGD", {"lr": 0.1}, held)])
        for i, held in enumerate(stages)
    ]
    return Record(steps=steps, count=len(steps), ended=True)


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (staged(40, 9), True),
        (staged(40, 100), False),
        (staged(40, 9, loss=0.05), False),  # little was left to learn
        (staged(40, 9, names=("other",)), False),  # another training
        (staged(49, 0), False),
        (staged(5, 9), False),  # the first one is the short one
    ],
)
def test_a_stage_of_a_few_updates(record: Record, found: bool) -> None:
    told = check_last_stage(record)
    assert [(f.code, f.confidence) for f in told] == ([("fit.unfinished", "medium")] if found else [])
    for f in told:
        assert "in 9 updates" in f.evidence


def test_what_was_not_watched_counts_for_the_last_stage() -> None:
    record = staged(40, 9)
    del record.steps[10:40]  # the second stage may have begun at update 11
    assert check_last_stage(record) == []
