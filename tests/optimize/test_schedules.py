"""Schedules at their ends, peaks and in between."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize import rate_multiplier
from fivefold.optimize.schedules import SCHEDULES


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
