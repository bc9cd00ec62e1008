"""Schedules at their ends, peaks and in between."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize import rate_multiplier
from fivefold.optimize.training.schedules import SCHEDULES, Schedule


def test_one_cycle_equals_torch_where_torch_steps():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    # torch ends at 1/25/10^10 of the peak, here at 0; it counts 101 points from 0 to 1
    other = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=101, cycle_momentum=False, final_div_factor=1e10
    )
    # torch puts the peak at step 0.3 * total - 1
    for step in range(101):
        at = 0.3 * step / 29.3 if step <= 29.3 else 0.3 + 0.7 * (step - 29.3) / (100 - 29.3)
        assert rate_multiplier("one-cycle", at) == pytest.approx(other.get_last_lr()[0], abs=1e-9)
        if step < 100:
            optimizer.step()
            other.step()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_factors_stay_between_0_and_1(schedule):
    factors = [rate_multiplier(schedule, t / 200) for t in range(201)]
    assert min(factors) >= 0
    assert 0.99 < max(factors) <= 1


def test_cosine_warms_up_and_falls_to_zero():
    assert 0 < rate_multiplier("cosine", 0.0) < 0.05
    assert rate_multiplier("cosine", 0.05) == pytest.approx(0.994, abs=1e-3)
    assert rate_multiplier("cosine", 1.0) == pytest.approx(0.0, abs=1e-12)


def test_a_function_is_taken_and_an_unknown_name_refused():
    assert rate_multiplier(lambda t: 1 - t, 0.25) == 0.75
    with pytest.raises(ArgumentError, match="a schedule among"):
        rate_multiplier("steps", 0.0)


def optimizer_with(*rates):
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in rates])


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("linear", lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, 40)),
        ("step", lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [20, 30], 0.1)),
        ("exponential", lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.01 ** (1 / 40))),
        ("constant", lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
    ],
)
def test_curves_equal_pytorchs(name, theirs):
    mine, other = optimizer_with(0.4), optimizer_with(0.4)
    schedule, reference = Schedule(name, mine, 40), theirs(other)
    for _ in range(39):
        other.step()
        reference.step()
        schedule.step()
        assert schedule.rate == pytest.approx(reference.get_last_lr()[0], rel=1e-9)


def test_a_warm_up_goes_before_any_other():
    assert rate_multiplier("warm-up+linear", 0.025) == pytest.approx(0.5 * 0.975)
    assert rate_multiplier("warm-up+linear", 0.5) == 0.5
    assert rate_multiplier("warm-up+cosine", 0.01) == rate_multiplier("cosine", 0.01)


def test_plateau_equals_pytorchs_and_reaches_every_group_tensors_included():
    mine, other = optimizer_with(0.4, torch.tensor(0.04)), optimizer_with(0.4)
    schedule = Schedule("warm-up+plateau", mine, 10, patience=2)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(other, factor=0.1, patience=2)
    schedule.step()  # past the warm-up
    losses = [3.0, 2.0, 2.0, 2.1, 2.0, 1.0, 1.1, 1.0, 1.0, 1.0, 1.0, 1.0]
    for loss in losses:
        schedule.observe(loss)
        reference.step(loss)
        assert schedule.rate == pytest.approx(other.param_groups[0]["lr"], rel=1e-6)
        assert float(mine.param_groups[1]["lr"]) == pytest.approx(schedule.rate / 10, rel=1e-6)
    assert schedule.rate < 0.01


def test_other_schedules_do_not_wait_for_a_loss():
    schedule = Schedule("constant", optimizer_with(0.4), 10, patience=0)
    for _ in range(5):
        schedule.observe(1.0)
    assert schedule.rate == 0.4
    assert not schedule.waits


@pytest.mark.parametrize("name", ["plateau", "warm-up+plateau", "cosine"])
def test_a_resumed_schedule_goes_on(name):
    losses = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]
    whole = Schedule(name, optimizer_with(0.4), 8, patience=1)
    part = Schedule(name, optimizer_with(0.4), 8, patience=1)
    for index, loss in enumerate(losses):
        if index == 4:
            saved = part.state_dict()
            part = Schedule(name, optimizer_with(9.0), 8, patience=1)
            part.load_state_dict(saved)
        for each in (whole, part):
            each.step()
            each.observe(loss)
        assert whole.rate == part.rate


def test_bad_schedules_are_refused():
    with pytest.raises(ArgumentError, match="the nearest is 'plateau'"):
        Schedule("plato", optimizer_with(1.0), 10)
    with pytest.raises(ArgumentError, match="at least 1 planned update"):
        Schedule("step", optimizer_with(1.0), 0)
    with pytest.raises(ArgumentError, match="a patience of at least 0"):
        Schedule("step", optimizer_with(1.0), 1, patience=-1)
    with pytest.raises(ArgumentError, match="a state of 1 groups"):
        Schedule("step", optimizer_with(1.0), 1).load_state_dict(
            Schedule("step", optimizer_with(1.0, 2.0), 1).state_dict()
        )
