"""The recorder's bookkeeping, with a clock of its own."""

import contextlib
import math

import pytest
import torch

from fivefold.optimize.comparison.trace import Recorder, SpentError


class Clock:
    """Time that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def see(recorder: Recorder, value: float, norm: float = 1.0, w: float = 0.0) -> None:
    recorder.see(torch.tensor([[w]]), torch.tensor([value]), torch.tensor([norm]))


def test_costs_add_up_and_the_budget_is_never_exceeded() -> None:
    recorder = Recorder(torch.zeros(1), gradients=2.5)
    recorder.pay(1.0)
    recorder.pay(1.0)
    with pytest.raises(SpentError, match="gradients are spent"):
        recorder.pay(1.0)
    assert recorder.gradients == 2.0
    recorder.pay(0.5)


def test_time_ends_a_run_and_time_aside_does_not() -> None:
    clock = Clock()
    recorder = Recorder(torch.zeros(1), seconds=3.0, now=clock)
    clock.now = 2.0
    with recorder.aside():
        clock.now = 50.0
    assert recorder.elapsed == 2.0
    recorder.pay(1.0)
    clock.now = 51.0
    with pytest.raises(SpentError, match="time is spent"):
        recorder.pay(1.0)


def test_a_spent_budget_passes_through_handlers_of_ordinary_errors() -> None:
    def guarded() -> None:
        with contextlib.suppress(Exception):
            Recorder(torch.zeros(1)).stop("enough")

    with pytest.raises(SpentError, match="enough"):
        guarded()


def test_what_is_paid_for_is_not_paid_again() -> None:
    recorder = Recorder(torch.zeros(1))
    with recorder.paid(2.0):
        recorder.pay(5.0)
        see(recorder, 1.0)
    assert recorder.gradients == 2.0
    assert recorder.trace("").value.numel() == 0


def test_the_payment_is_closed_after_an_error() -> None:
    recorder = Recorder(torch.zeros(1))
    with pytest.raises(ValueError, match="inside"), recorder.paid(1.0):
        raise ValueError("inside")
    recorder.pay(1.0)
    assert recorder.gradients == 2.0


def test_the_best_finite_point_is_kept() -> None:
    recorder = Recorder(torch.zeros(1))
    for value, w in ((3.0, 1.0), (1.0, 2.0), (math.nan, 3.0), (-math.inf, 4.0), (2.0, 5.0)):
        see(recorder, value, w=w)
    trace = recorder.trace("done")
    assert trace.w.tolist() == [2.0]
    assert trace.best == 1.0
    assert trace.ended == "done"


def test_without_a_point_the_best_is_infinite_and_the_start_stays() -> None:
    trace = Recorder(torch.tensor([7.0])).trace("nothing")
    assert trace.best == math.inf
    assert trace.w.tolist() == [7.0]
    assert trace.cost(0.0) == math.inf


def test_cost_of_the_first_point_that_is_low_enough() -> None:
    clock = Clock()
    recorder = Recorder(torch.zeros(1), now=clock)
    for k, (value, norm) in enumerate(((4.0, 9.0), (2.0, 5.0), (1.0, 3.0), (1.5, 0.1))):
        recorder.pay(2.0)
        clock.now = 10.0 * k
        see(recorder, value, norm)
    trace = recorder.trace("")
    assert trace.cost(2.0) == 4.0
    assert trace.cost(2.0, measure="seconds") == 10.0
    assert trace.cost(2.0, gradient_norm=0.5) == 8.0
    assert trace.cost(0.5) == math.inf


def test_a_batch_is_kept_point_by_point() -> None:
    recorder = Recorder(torch.zeros(2))
    recorder.see(torch.arange(6.0).reshape(3, 2), torch.tensor([3.0, 1.0, 2.0]), None)
    trace = recorder.trace("")
    assert trace.value.tolist() == [3.0, 1.0, 2.0]
    assert bool(trace.gradient_norm.isnan().all())
    assert trace.w.tolist() == [2.0, 3.0]
