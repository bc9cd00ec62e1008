"""How trainings end."""

import math
from dataclasses import replace
from math import exp

import pytest

from fivefold.diagnosis.checks.fit_quality import check_overfitting, check_unfinished, held_out_losses
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
    (found,) = check_overfitting(seen)
    assert found.code == "fit.overfits"
    assert found.picture.curves["share"] == ((0.0, 0.99), (1.0, 0.6))
    seen.evaluations = [Evaluation(20, passes=1, right=96, compared=100)]
    assert check_overfitting(seen) == []


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ([1.0 - i / 110 for i in range(100)], True),
        ([1.0 - i / 200 for i in range(40)], True),  # hardly begun
        ([0.3 + 0.7 * exp(-i / 15) for i in range(100)], False),
        # Its level is not zero: what is left to fall is a hundredth of it, and then a fifth.
        ([2.7 + 0.9 * exp(-i / 40) for i in range(132)], False),
        ([2.7 + 0.9 * exp(-i / 400) for i in range(132)], True),
    ],
)
def test_unfinished(training: list[float], found: bool) -> None:
    assert bool(check_unfinished(record([], training))) == found


def numbers(value: float, spread: float) -> LossCall:
    target = Summary((30,), "float32", 0.0, spread, -3 * spread, 3 * spread, 1.0, 0.0)
    return LossCall("difference", {}, value, target, target, math.nan, math.nan, (), None)


@pytest.mark.parametrize(("left", "confidence"), [(0.9, "high"), (0.35, "medium"), (0.12, None)])
def test_errors_in_other_units_than_in_training(left: float, confidence: str | None) -> None:
    seen = record([], [0.05] * 40)
    for step in seen.steps:
        step.losses = [numbers(0.05, 1.0)]
    seen.evaluations = [Evaluation(40, losses=[numbers(left * 60.0**2, 60.0)])]
    found = check_overfitting(seen)
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
    for f in found:
        (shown,) = f.picture.curves.values()
        assert [y for _, y in shown] == pytest.approx([0.05, left])
        assert shown[1][1] > f.picture.level[0]


def test_a_loss_of_classes_that_rises_while_answers_stay_right() -> None:
    seen = record([1.0, 0.6, 0.5, 0.6, 0.8, 1.0], [1.0 * 0.9**i for i in range(60)])
    for e in seen.evaluations:
        e.right, e.compared = 90, 100
    assert [f.confidence for f in check_overfitting(seen)] == ["medium"]
    seen.evaluations[-1].right = 80
    assert [f.confidence for f in check_overfitting(seen)] == ["high"]


@pytest.mark.parametrize(
    ("training", "optimizer", "confidence"),
    [
        (
            [0.6 * 0.93**i for i in range(30)],
            "Adam",
            "high",
        ),  # ends at a tenth of the first, after 30 updates
        ([0.6 * 0.8**i for i in range(30)], "Adam", None),
        ([0.6 * 0.93**i for i in range(30)], "LBFGS", None),
    ],
)
def test_a_few_updates(training: list[float], optimizer: str, confidence: str | None) -> None:
    seen = record([], training)
    seen.ended, seen.optimizers = True, [optimizer]
    assert [f.confidence for f in check_unfinished(seen)] == ([confidence] if confidence else [])


def test_so_few_that_the_last_were_not_watched() -> None:
    seen = record([], [1.0, 0.9, 0.7])
    seen.count, seen.ended = 30, True
    assert check_unfinished(seen)[0].confidence == "high"
    seen.continued = True  # a first stage, whose network is trained further
    assert check_unfinished(seen) == []
    seen.continued, seen.ended = False, False
    assert check_unfinished(seen) == []
    alone = record([], [1.0])
    alone.count, alone.ended = 30, True
    assert check_unfinished(alone) == [], "one loss tells nothing of where it goes"


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ([0.50, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56], True),
        ([0.50, 0.51, 0.50, 0.53, 0.52, 0.55, 0.56], False),  # up and down
        ([0.50, 0.501, 0.502, 0.503, 0.504, 0.505, 0.506], False),  # hardly
        ([0.50, 0.51, 0.52, 0.53], False),  # too few
    ],
)
def test_a_held_out_loss_that_turns_slowly(after: list[float], found: bool) -> None:
    seen = record([1.0, 0.8, 0.6, *after], [0.97**i for i in range(100)])
    told = check_overfitting(seen)
    assert [f.confidence for f in told] == (["medium"] if found else [])
    for f in told:
        assert [y for _, y in f.picture.curves["held out"]][3:] == after
        assert len(f.picture.curves["training"]) == 100


def test_an_evaluation_that_takes_in_other_data_at_the_end() -> None:
    seen = record([1.0, 0.5, 0.4], [1.0])
    seen.evaluations[-1].losses.append(replace(seen.evaluations[-1].losses[0], value=9.0))
    assert held_out_losses(seen) == [(0, 1.0), (10, 0.5), (20, 0.4)]


def test_a_loss_that_grew_or_has_no_level_is_not_unfinished() -> None:
    falling = [2.0 - 0.012 * i for i in range(100)]
    assert [f.code for f in check_unfinished(record([], falling))] == ["fit.unfinished"]
    # It grew first, and fell from there: it ends above where it began.
    assert check_unfinished(record([], [0.5 + 0.03 * min(i, 100 - i) for i in range(100)])) == []
    grown = [0.1 * i if i < 75 else 4.0 for i in range(100)]
    assert check_unfinished(record([], grown)) == []
    assert check_unfinished(record([], [value - 1.5 for value in falling])) == []
