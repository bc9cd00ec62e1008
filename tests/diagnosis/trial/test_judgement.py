"""What judges, and which way."""

import math
from collections.abc import Callable

import pytest

from fivefold.diagnosis.trial.judgement import LARGEST, Judgement, Measure, best, judge
from fivefold.diagnosis.trial.measuring import Measured

Ran = Callable[..., Measured]


def test_held_out_numbers_judge_before_others(ran: Ran) -> None:
    before = ran("train loss 1.0\ntest accuracy 0.5\nscore loss 1\n")
    after = ran("train loss 9.0\ntest accuracy 0.9\nscore loss 9\n")
    verdict = judge(before, after)
    assert verdict.better
    assert verdict.measure == Measure("test accuracy (printed)", 0.5, 0.9, 1, True)
    assert verdict.gain == pytest.approx(math.log(0.5 / 0.1))
    assert not judge(after, before).better


def test_what_was_seen_judges_where_nothing_held_out_is_printed(ran: Ran) -> None:
    loss = "training loss"
    curve = {"held-out loss": ((0.0, 2.0), (9.0, 1.0)), loss: ((0.0, 2.0), (9.0, 1.0))}
    other = {"held-out loss": ((0.0, 2.0), (9.0, 0.5)), loss: ((0.0, 2.0), (9.0, 1.5))}
    verdict = judge(ran("loss 1", curves=curve), ran("loss 3", curves=other))
    assert verdict.better
    assert verdict.measure is not None
    assert verdict.measure.name == "held-out loss (seen)"
    last = judge(ran(curves={loss: curve[loss]}), ran(curves={loss: other[loss]}))
    assert not last.better, "the training loss went up"
    assert last.measure is not None
    assert (last.measure.before, last.measure.after) == (1.0, 1.5)


def test_numbers_whose_direction_is_unknown_do_not_judge(ran: Ran) -> None:
    assert judge(ran("test value 1"), ran("test value 2")) == Judgement(None, 0.0, False)


def test_a_small_difference_is_no_better(ran: Ran) -> None:
    assert not judge(ran("test loss 1.00"), ran("test loss 0.99")).better
    assert judge(ran("test loss 1.00"), ran("test loss 0.95")).better
    assert not judge(ran("test loss 1.00"), ran("test loss 0.95"), "fit.unfinished").better


def test_a_better_mean_does_not_hide_a_worse_result(ran: Ran) -> None:
    before, after = "val loss 1.0\ntest loss 1.0", "val loss 0.3\ntest loss 1.1"
    assert not judge(ran(before), ran(after)).better


def test_infinite_and_missing_numbers(ran: Ran) -> None:
    assert Measure("loss", math.nan, 1.0, -1, True).gain == LARGEST
    assert Measure("loss", 1.0, math.nan, -1, True).gain == -LARGEST
    assert Measure("loss", math.nan, math.inf, -1, True).gain == 0.0
    assert judge(ran("test loss nan"), ran("test loss 2")).better
    assert Measure("r2", -1.0, 0.5, 1, True).gain == pytest.approx(math.log(2 / 0.5))
    assert Measure("bound", -1.0, -2.0, -1, True).gain == pytest.approx(0.5)
    assert Measure("psnr", 20.0, 30.0, 1, True).gain == pytest.approx(math.log(1.5))
    assert Measure("loss", 0.0, 0.0, -1, True).gain == 0.0


def test_coming_to_an_end_is_better_than_a_crash(ran: Ran) -> None:
    crash = ran("", ended="error", error={"type": "ValueError", "message": "nan"})
    assert judge(crash, ran("test loss 3")).better


def test_the_best_is_the_one_that_helps_most() -> None:
    verdicts = [
        (0, Judgement(None, 0.5, True)),
        (1, Judgement(None, 2.0, False)),
        (2, Judgement(None, 0.5, True)),
    ]
    assert best(verdicts) == 0, "of equals the first"
    assert best(verdicts[1:2]) is None
    assert best([]) is None


def test_a_loss_that_becomes_another_number_does_not_judge(ran: Ran) -> None:
    text = "val loss {} val accuracy {}"
    before, after = ran(text.format(64.0, 0.9)), ran(text.format(1.0, 0.8))
    assert judge(before, after).gain > 0.1, "the loss fell much, the accuracy a little"
    verdict = judge(before, after, "loss.sum")
    assert not verdict.better
    assert verdict.measure is not None
    assert verdict.measure.name == "val accuracy (printed)"
    curve = {"training loss": ((0.0, 2.0), (9.0, 1.0))}
    assert judge(ran("loss 2", curves=curve), ran("loss 1", curves=curve), "loss.sum").measure is None
    assert judge(ran("test log loss 2"), ran("test log loss 1"), "loss.classes-together").better


def test_what_saw_its_answers_is_not_judged_by_how_right_it_was(ran: Ran) -> None:
    before = ran("val loss 0.02\nval accuracy 0.99\nbits for the next character 8.1")
    after = ran("val loss 1.6\nval accuracy 0.55\nbits for the next character 2.4")
    assert not judge(before, after).better
    found = judge(before, after, "mask.future")
    assert found.better
    assert found.measure is not None
    assert found.measure.name == "bits for the next character (printed)"
    flattered = judge(ran("val loss 0.02"), ran("val loss 1.6"), "mask.future")
    assert (flattered.measure, flattered.better) == (None, False)
