"""How trainings end."""

from math import exp

import pytest

from fivefold.diagnosis.checks.fit_quality import check_overfitting, check_unfinished
from fivefold.diagnosis.observation.record import Evaluation, LossCall, Record, Step
from fivefold.diagnosis.observation.summary import Summary

SOME = Summary((4, 2), "float32", 0.0, 1.0, -1.0, 1.0, 1.0, 0.0)


def record(held_out: list[float], training: list[float]) -> Record:
    def call(value: float) -> LossCall:
        return LossCall("cross_entropy", {}, value, SOME, SOME, 1.0, 0.5, (2, 2), None)

    found = Record(steps=[Step(i, loss=v) for i, v in enumerate(training)], count=len(training))
    found.evaluations = [Evaluation(10 * i, losses=[call(v)]) for i, v in enumerate(held_out)]
    return found


@pytest.mark.parametrize(
    ("held_out", "confidence"),
    [
        ([1.0, 0.6, 0.5, 0.6, 0.8, 1.0], "high"),
        ([1.0, 0.6, 0.5, 0.55, 0.6, 0.68], "medium"),
        ([1.0, 0.6, 0.5, 0.48, 0.47, 0.47], None),
    ],
)
def test_held_out_loss_that_turns(held_out: list[float], confidence: str | None) -> None:
    found = check_overfitting(record(held_out, [1.0 * 0.9**i for i in range(60)]))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])


def test_a_gap_in_what_is_right() -> None:
    seen = record([], [0.01] * 20)
    for step in seen.steps:
        step.losses = [LossCall("cross_entropy", {}, 0.01, SOME, SOME, 1.0, 0.99, (2, 2), None)]
    seen.evaluations = [Evaluation(20, passes=1, right=60, compared=100)]
    assert check_overfitting(seen)[0].code == "fit.overfits"
    seen.evaluations = [Evaluation(20, passes=1, right=96, compared=100)]
    assert check_overfitting(seen) == []


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ([1.0 - i / 110 for i in range(100)], True),
        ([1.0 - i / 200 for i in range(40)], True),  # hardly begun
        ([0.3 + 0.7 * exp(-i / 15) for i in range(100)], False),
    ],
)
def test_unfinished(training: list[float], found: bool) -> None:
    assert bool(check_unfinished(record([], training))) == found
