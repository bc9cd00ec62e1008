"""Schedulers are found by the optimizers that they move."""

import torch
from torch.optim import SGD, lr_scheduler

from fivefold.diagnosis.observation.schedules import described, scheduled, schedulers_of


def optimizer() -> SGD:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def test_schedulers_of_these_optimizers_alone() -> None:
    mine, other = optimizer(), optimizer()
    assert not scheduled(mine)
    assert schedulers_of([mine, other]) == []
    first = lr_scheduler.ExponentialLR(mine, 0.5)
    second = lr_scheduler.ExponentialLR(other, 0.5)
    assert schedulers_of([mine]) == [first]
    assert {id(s) for s in schedulers_of([mine, other])} == {id(first), id(second)}


def test_those_that_another_one_moves_are_left_out() -> None:
    mine = optimizer()
    parts = [lr_scheduler.ConstantLR(mine, total_iters=3), lr_scheduler.CosineAnnealingLR(mine, 10)]
    whole = lr_scheduler.SequentialLR(mine, parts, milestones=[3])
    assert schedulers_of([mine]) == [whole]


def test_one_that_leaves_no_first_rate_in_the_groups() -> None:
    mine = optimizer()
    plateau = lr_scheduler.ReduceLROnPlateau(mine, patience=4)
    assert not scheduled(mine)
    assert schedulers_of([mine]) == [plateau]


def test_settings_and_steps() -> None:
    mine = optimizer()
    scheduler = lr_scheduler.MultiStepLR(mine, [7, 4], gamma=0.2)
    mine.step()
    scheduler.step()
    found = described(scheduler)
    assert (found.kind, found.taken) == ("MultiStepLR", 1)
    assert found.settings == {"gamma": 0.2, "first_milestone": 4.0, "base_rate": 0.1}
