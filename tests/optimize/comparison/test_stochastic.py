"""Stochastic optimizers on a vector: equal to PyTorch's on a module, seeded, and within their budget."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize.comparison.stochastic import (
    STOCHASTIC,
    find_stochastic,
    minimize_stochastic,
    warm_up,
)
from fivefold.optimize.training.optimizers import OPTIMIZERS
from fivefold.probability import Gaussian, GaussianPrior


def problem(rows: int = 200, precision: float = 1.0) -> DataObjective:
    draw = torch.Generator().manual_seed(3)
    X = torch.randn(rows, 4, generator=draw, dtype=torch.float64)
    y = X @ torch.tensor([1.0, -2.0, 0.5, 3.0]).double() + 1.5
    return DataObjective(Linear(X), Gaussian(sd=1.0), (X, y), GaussianPrior(precision))


@pytest.mark.parametrize("name", list(STOCHASTIC))
def test_every_optimizer_comes_down_within_its_budget(name: str) -> None:
    F = problem()
    run = minimize_stochastic(F, name, gradients=40, seed=1)
    drop = float(F.value(F.initial)) - float(F.value(run.w))
    start = float(F.value(F.initial))
    assert run.status is Status.OUT_OF_BUDGET
    assert drop > 0.5 * (start - 0.92)  # 0.919 is the constant of the density
    assert run.gradients <= 40 * (1 + 1e-9)
    assert len(run.tried) == len(find_stochastic(name).rates)
    assert run.rate == min(run.tried, key=lambda pair: pair[1])[0]


@pytest.mark.parametrize("name", ["sgd", "sgd-momentum", "sgd-nesterov", "adam"])
def test_full_batches_are_pytorchs_steps_on_a_module(name: str) -> None:
    F = problem(precision=1e-12)
    run = minimize_stochastic(F, name, gradients=5, batch=200, rate=0.05, schedule="constant")
    X, y = F._path.rows.X, F._path.rows.y  # type: ignore[attr-defined]
    module = nn.Linear(4, 1, dtype=torch.float64)
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
        "sgd-momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        "sgd-nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, lr=0.05),
    }
    optimizer = makers[name](module.parameters())
    for _ in range(5):
        optimizer.zero_grad()
        (0.5 * (module(X)[:, 0] - y).square().mean()).backward()
        optimizer.step()
    expected = torch.cat([module.weight.detach()[0], module.bias.detach()])
    assert run.steps == 5
    # five float64 steps whose sums are ordered differently
    torch.testing.assert_close(run.w, expected, atol=1e-10, rtol=0)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    F = problem()
    first, again, other = (minimize_stochastic(F, "adam", gradients=10, seed=s) for s in (1, 1, 2))
    assert torch.equal(first.path, again.path)
    assert torch.equal(first.spent, again.spent)
    assert not torch.equal(first.w, other.w)


def test_the_path_starts_at_the_start_and_ends_at_the_end() -> None:
    F = problem()
    run = minimize_stochastic(F, "sgd", gradients=20, rate=0.1, batch=10)
    assert torch.equal(run.path[0], F.initial)
    assert torch.equal(run.path[-1], run.w)
    assert float(run.spent[0]) == 0
    assert bool((run.spent[1:] >= run.spent[:-1]).all())
    assert bool((run.clock[1:] >= run.clock[:-1]).all())
    # one pass over all rows is one gradient: 20 batches of 10 of 200
    assert run.steps == 400
    assert run.gradients == pytest.approx(20, abs=1e-9)
    assert len(run.path) < 150


def test_a_rate_beyond_two_over_lambda_max_diverges_and_says_so() -> None:
    run = minimize_stochastic(problem(), "sgd", gradients=500, rate=50.0, schedule="constant")
    assert run.status is Status.DIVERGED
    assert "rate 50" in run.reason
    assert bool(torch.isfinite(run.w).all())


def test_seconds_end_it_too() -> None:
    run = minimize_stochastic(problem(), "adam", gradients=math.inf, seconds=0.2, rate=0.01)
    assert run.status is Status.OUT_OF_BUDGET
    assert run.seconds < 5  # a loaded machine


def test_a_budget_too_small_for_trials_takes_the_smallest_rate() -> None:
    run = minimize_stochastic(problem(), "adam", gradients=0.3)
    assert run.tried == ()
    assert run.rate == min(find_stochastic("adam").rates)


def test_a_start_of_ones_own() -> None:
    w0 = torch.full((5,), 2.0).double()
    run = minimize_stochastic(problem(), "sgd", gradients=1, rate=1e-12, w0=w0)
    torch.testing.assert_close(run.w, w0, atol=1e-9, rtol=0)
    assert float(w0[0]) == 2.0


def test_arguments() -> None:
    F = problem()
    with pytest.raises(ArgumentError, match="nearest is 'adam'"):
        minimize_stochastic(F, "adan")
    for wrong in ({"gradients": 0}, {"seconds": 0}, {"rate": -1.0}, {"batch": 0}, {"batch": 201}):
        with pytest.raises(ArgumentError):
            minimize_stochastic(F, "adam", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="finite start"):
        minimize_stochastic(F, "adam", w0=torch.full((5,), torch.nan))
    with pytest.raises(ArgumentError, match="schedule"):
        minimize_stochastic(F, "adam", schedule="steps")
    whole = Objective.from_function(lambda w: w @ w, torch.ones(2))
    with pytest.raises(ArgumentError, match="data objective"):
        minimize_stochastic(whole, "adam")  # type: ignore[arg-type]


def test_warming_up_needs_a_name() -> None:
    with pytest.raises(ArgumentError, match="nearest"):
        warm_up("sdg")


def test_the_optimizers_are_those_of_train() -> None:
    found = {name: each.optimizer for name, each in STOCHASTIC.items()}
    assert set(found.values()) <= set(OPTIMIZERS)
    kinds = {name: find_stochastic(name).make(torch.zeros(2), 0.1).param_groups[0] for name in STOCHASTIC}
    assert [(kinds[name]["momentum"], kinds[name]["nesterov"]) for name in found if name[:3] == "sgd"] == [
        (0, False),
        (0.9, False),
        (0.9, True),
    ]
    assert {name: kind["weight_decay"] for name, kind in kinds.items() if kind["weight_decay"]} == {
        "adamw": 0.01
    }
