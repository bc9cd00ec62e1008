"""Learning-rate schedules: torch's and ours, factor by factor, and what the sums of Robbins and Monro do."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from fivefold.concepts.learning_rate_schedules import cosine, one_cycle, plateau, power, staircase
from fivefold.optimize import rate_multiplier


def optimizer() -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def factors(schedule: lr_scheduler.LRScheduler, steps: int) -> np.ndarray:
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return np.array(found)


def test_fast_path() -> None:
    stairs = factors(lr_scheduler.StepLR(optimizer(), step_size=7, gamma=0.3), 40)
    np.testing.assert_allclose(staircase(40, 7, 0.3), stairs, rtol=1e-12)
    half_wave = factors(lr_scheduler.CosineAnnealingLR(optimizer(), T_max=40), 40)
    np.testing.assert_allclose(cosine(40), half_wave, atol=1e-12)
    inverse_root = factors(lr_scheduler.LambdaLR(optimizer(), lambda t: (1 + t) ** -0.5), 40)
    np.testing.assert_allclose(power(40, 0.5), inverse_root, rtol=1e-12)
    cycle = lr_scheduler.OneCycleLR(
        optimizer(), max_lr=1.0, total_steps=41, div_factor=25.0, final_div_factor=1e12, cycle_momentum=False
    )
    # torch puts the peak at step 0.3 · 41 − 1 = 11.3 of 40
    expected = factors(cycle, 40)
    np.testing.assert_allclose(one_cycle(np.arange(40) / 40, peak=11.3 / 40), expected, atol=1e-10)


def test_ours_follows_the_same_curves() -> None:
    t = np.linspace(0.0, 1.0, 101)
    ours = [rate_multiplier("one-cycle", float(at)) for at in t]
    np.testing.assert_allclose(one_cycle(t), ours, atol=1e-12)
    late = np.array([rate_multiplier("cosine", at / 100) for at in range(10, 100)])
    np.testing.assert_allclose(cosine(100)[10:], late, atol=1e-12)


def test_warm_up_is_torch_s_linear_rise() -> None:
    first = optimizer()
    rise = lr_scheduler.LinearLR(first, start_factor=0.2, total_iters=4)
    fall = lr_scheduler.CosineAnnealingLR(first, T_max=20)
    both = lr_scheduler.SequentialLR(first, [rise, fall], milestones=[5])
    np.testing.assert_allclose(cosine(25, warmup=5), factors(both, 25), atol=1e-12)


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau(patience: int) -> None:
    losses = [3.0, 2.0, 2.0, 2.1, 1.9, 1.9, 1.9, 1.9, 1.9, 1.0, 1.5, 1.4, 1.3, 1.2, 1.1]
    first = optimizer()
    schedule = lr_scheduler.ReduceLROnPlateau(first, factor=0.5, patience=patience, threshold=0.0)
    expected = []
    for loss in losses:
        schedule.step(loss)
        expected.append(first.param_groups[0]["lr"])
    np.testing.assert_allclose(plateau(losses, patience, 0.5), expected, rtol=1e-12)


def test_which_powers_rest_and_which_stop_short() -> None:
    """Mean square error of 500 walks on ½w² with unit noise, from 20 away, at the first rate ½."""
    noise = np.random.default_rng(0).normal(size=(4000, 500))
    left = {}
    for p in (0.0, 0.75, 2.0):
        w = np.full(500, 20.0)
        for rate, xi in zip(0.5 * power(4000, p), noise, strict=True):
            w = w - rate * (w + xi)
        left[p] = float(np.mean(w**2))
    assert left[0.0] == pytest.approx(0.5 / 1.5, rel=0.25)  # η/(2 − η), within four standard errors
    assert left[0.75] < 0.01
    assert left[2.0] > 10.0
