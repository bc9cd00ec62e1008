"""Updates before their backward pass, or after their gradients were cleared."""

import pytest
import torch

from fivefold.diagnosis.checks.update_order import check_update_order
from fivefold.diagnosis.observation.record import ParameterStep, Record, Step


def test_only_where_nearly_all_come_early() -> None:
    early = Record(steps=[Step(i, forward_after_backward=True) for i in range(5)])
    assert check_update_order(early)[0].code == "step.before-backward"
    once = Record(steps=[Step(i, forward_after_backward=i == 3) for i in range(5)])
    assert check_update_order(once) == []
    assert check_update_order(Record()) == []


@pytest.mark.parametrize("gone", [True, False])
def test_gradients_cleared_between_backward_and_step(watched, digits, network, gone: bool) -> None:
    model = network(64, 16, 10)
    optimizer = torch.optim.Adam(model.parameters())
    record = watched(
        model,
        *digits,
        optimizer=optimizer,
        steps=5,
        before_update=lambda: optimizer.zero_grad(set_to_none=gone),
    )
    found = check_update_order(record)
    assert found[0].code == "step.before-backward"
    assert ("gone" in found[0].evidence) == gone


def test_units_that_die_later_are_another_matter() -> None:
    def step(index: int, gradient: float) -> Step:
        return Step(index, backwards=1, parameters=[ParameterStep("w", 1.0, gradient, 0.0, 4)])

    dead = Record(steps=[step(0, 1.0), *(step(i, 0.0) for i in range(1, 20))])
    assert check_update_order(dead) == []


def test_gradients_that_are_zero_need_no_clearing(watched, digits) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(64, 16, bias=False), torch.nn.Linear(16, 10, bias=False))
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    record = watched(model, *digits, steps=5)
    assert all(p.gradient == 0.0 for s in record.steps for p in s.parameters)
    assert check_update_order(record) == []
