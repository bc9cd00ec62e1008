"""Accelerated proximal gradient: its rate, its answer, and what stops it."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from fivefold.core import Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.probability import Bernoulli, Gaussian


def regression(likelihood=None, p=15):
    generator = torch.Generator().manual_seed(5)
    X = torch.randn(200, p, generator=generator, dtype=torch.float64)
    y = X[:, 0] - X[:, 1] + torch.randn(200, generator=generator, dtype=torch.float64)
    y = (y > 0).double() if isinstance(likelihood, Bernoulli) else y
    return DataObjective(Linear(X), likelihood or Gaussian(sd=1.0), (X, y))


@pytest.mark.parametrize("likelihood", [Gaussian(sd=1.0), Bernoulli()])
def test_it_agrees_with_newton(likelihood):
    F = regression(likelihood)
    first, second = minimize(F, "proximal-gradient", l1=0.05), minimize(F, "proximal-newton", l1=0.05)
    assert first.status is Status.CONVERGED
    assert_close(first.w, second.w, rtol=0, atol=1e-7)
    assert ((first.w == 0) == (second.w == 0)).all(), "the same coordinates are exactly 0"
    assert first.certificates[1].bound < 1e-6


def test_momentum_beats_plain_proximal_steps():
    d = torch.logspace(0, 3, 40, dtype=torch.float64)
    F = Objective.from_function(lambda w: 0.5 * (d * (w - 1) ** 2).sum(), torch.zeros(40).double())
    end = minimize(F, "proximal-gradient", l1=0.01, tolerance=1e-6)
    # plain steps of 1/L would take kappa log(1/tolerance) = 20,000; the accelerated rate is its root
    assert end.status.succeeded
    assert end.steps < 600
    assert_close(end.w, 1 - 0.01 / d, rtol=0, atol=1e-5)


def test_the_value_never_rises():
    F = regression()
    end = minimize(F, "proximal-gradient", l1=0.05)
    values = end.history["value"]
    assert bool((values.diff() <= 1e-12 * values[0].abs()).all())
    assert_close(end.value, F.value(end.w) + 0.05 * end.w[:-1].abs().sum(), rtol=1e-14, atol=0)


def test_a_batch_in_which_one_is_done_before_the_others():
    F = regression()
    done = minimize(F, l1=0.05).w
    starts = torch.stack([done, torch.zeros(16).double(), 5 * torch.ones(16).double()])
    end = minimize(F, "proximal-gradient", l1=0.05, w0=starts)
    assert all(status is Status.CONVERGED for status in end.statuses)
    assert_close(end.w, done.expand(3, 16), rtol=0, atol=1e-6)


def test_a_black_box_goes_here_by_itself():
    def evaluate(x):
        return float(((x - 3) ** 2).sum()), 2 * (x - 3)

    F = Objective.from_oracle(evaluate, np.zeros(2))
    end = minimize(F, l1=[1.0, 10.0])
    assert end.method == "proximal-gradient"
    assert_close(end.w, torch.tensor([2.5, 0.0]).double(), rtol=0, atol=1e-7)


def test_a_wrong_gradient_stalls_and_is_said():
    F = Objective.from_oracle(lambda x: (float(x @ x), -2 * x), np.ones(2))
    end = minimize(F, "proximal-gradient", l1=0.1)
    assert end.status is Status.STALLED
    assert "disagrees" in end.reason


def test_a_border_of_the_domain_is_not_crossed():
    F = Objective.from_function(lambda w: (-torch.log(1 - w) - 3 * w).sum(), torch.zeros(2).double())
    end = minimize(F, "proximal-gradient", l1=0.5)
    assert_close(end.w, torch.full((2,), 0.6).double(), rtol=0, atol=1e-6)


def test_falling_without_bound_is_said():
    F = Objective.from_function(lambda w: -(w**3).sum(), torch.full((2,), 2.0).double())
    end = minimize(F, "proximal-gradient", l1=0.5)
    assert end.status is not Status.CONVERGED
