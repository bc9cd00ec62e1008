"""The same start and the same judge for all; budgets; failures; seeds."""

import math

import pytest
import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget
from fivefold.objective import Objective
from fivefold.optimize import compare
from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import small_problems
from fivefold.optimize.comparison.problems.problem import Problem

ROSENBROCK, FREUDENSTEIN = small_problems()[:2]


def slow_descent(objective: Objective, w0: Tensor, budget: Budget) -> Tensor:
    """A method of a user's own, which never stops."""
    w = w0
    while True:
        w = w - 1e-4 * objective.gradient(w)


def test_every_method_begins_at_the_same_point_and_the_start_is_free() -> None:
    result = compare([ROSENBROCK, FREUDENSTEIN], ["lbfgs", "scipy:BFGS", slow_descent], gradients=50)
    assert result.methods == ("lbfgs", "scipy:BFGS", "slow_descent")
    assert result.instances == (("rosenbrock", 0), ("freudenstein-roth", 0))
    for run in result.runs:
        expected = 12.1 if run.problem == "rosenbrock" else 200.25
        assert float(run.trace.value[0]) == pytest.approx(expected)
        assert float(run.trace.gradients[0]) == 0.0
        assert float(run.trace.gradients[-1]) <= 50.0
        assert bool((run.trace.gradients.diff() >= 0).all() & (run.trace.seconds.diff() >= 0).all())


def test_the_budget_ends_a_method_that_does_not_and_its_best_point_counts() -> None:
    run = compare(ROSENBROCK, [slow_descent], gradients=20).runs[0]
    assert run.trace.ended == "the gradients are spent"
    assert float(run.trace.gradients[-1]) == 20.0
    assert run.trace.best < 12.1
    assert float(ROSENBROCK.make().value(run.trace.w)) == run.trace.best


def test_seconds_end_it_too() -> None:
    run = compare(ROSENBROCK, [slow_descent], gradients=None, budget="50ms").runs[0]
    assert run.trace.ended == "the time is spent"
    assert float(run.trace.seconds[-1]) < 2.0


def test_memory_ends_it_too() -> None:
    def hungry(objective: Objective, w0: Tensor, budget: Budget) -> Tensor:
        held = [torch.zeros(2**17, dtype=torch.float64) for _ in range(64)]
        return held[0][:2]

    runs = compare(ROSENBROCK, {"hungry": hungry, "lbfgs": "lbfgs"}, memory=2**24, gradients=10).runs
    assert runs[0].trace.ended == "the memory is spent"
    assert runs[1].trace.ended == "the gradients are spent"


def test_both_solve_what_both_can() -> None:
    result = compare(ROSENBROCK, ["newton", "lbfgs", "scipy:L-BFGS-B", "torch:LBFGS"], gradients=300)
    assert result.solved(1e-7).tolist() == [1, 1, 1, 1]
    assert result.best().tolist() == pytest.approx([0.0], abs=1e-12)


def test_where_a_method_says_that_it_ended_is_judged_too() -> None:
    """A fit that never asks the objective, as another library's, is judged by the point that it returns."""
    run = compare(ROSENBROCK, {"oracle": lambda F, w0, budget: torch.ones(2)}).runs[0]
    assert run.trace.value.tolist() == [pytest.approx(12.1), 0.0]
    assert run.trace.ended == "ended by itself"


def test_a_method_that_breaks_down_has_lost_and_the_others_go_on() -> None:
    def broken(objective: Objective, w0: Tensor, budget: Budget) -> Tensor:
        objective.value_and_gradient(w0 / 2)
        raise ZeroDivisionError("by hand")

    result = compare(ROSENBROCK, {"broken": broken, "short": lambda F, w0, b: w0[:1], "lbfgs": "lbfgs"})
    broken_run, short, _ = result.runs
    assert broken_run.trace.ended == "failed: ZeroDivisionError: by hand"
    assert broken_run.trace.best < 12.1
    assert short.trace.ended.startswith("does not suit")
    assert result.solved(1e-3).tolist() == [0, 0, 1]


def test_a_method_that_does_not_suit_says_so() -> None:
    runs = compare(ROSENBROCK, ["sampled-newton", "train:adamw"], gradients=10).runs
    assert all(run.trace.ended.startswith("does not suit: expected") for run in runs)
    assert "module" in runs[1].trace.ended


def test_seeds_move_starts_by_the_spread_the_same_for_all() -> None:
    result = compare(ROSENBROCK, ["lbfgs", "scipy:CG"], seeds=(0, 1, 2), spread=0.1, gradients=30)
    first = [float(run.trace.value[0]) for run in result.runs]
    assert first[0::2] == first[1::2]
    assert first[0] == pytest.approx(12.1)
    assert len(set(first)) == 3
    assert result.costs(1e-3).shape == (1, 3, 2)


def test_every_start_is_an_instance() -> None:
    two = Problem(
        "two", ROSENBROCK.make, torch.stack([ROSENBROCK.starts[0], torch.zeros(2).double()]), 0.0, None, ""
    )
    assert compare(two, ["lbfgs"], gradients=100).instances == (("two", 0), ("two", 1))


def test_a_start_that_is_not_finite() -> None:
    log = Problem(
        "log",
        lambda: Objective.from_function(lambda w: (w - torch.log(w)).sum(), torch.ones(1).double()),
        -torch.ones(1, 1).double(),
        1.0,
        None,
        "by hand",
    )
    result = compare(log, ["lbfgs", "scipy:BFGS"], gradients=100)
    assert result.solved(0.1).tolist() == [0, 0]
    assert all(math.isinf(run.trace.best) for run in result.runs if run.method == "lbfgs")


def test_a_saddle_is_left_before_the_run_ends() -> None:
    """F = x^2 + y^4/4 - y^2/2 from y = 0, where the gradient never points along y."""
    saddle = Problem(
        "saddle",
        lambda: Objective.from_function(
            lambda w: w[0] ** 2 + w[1] ** 4 / 4 - w[1] ** 2 / 2, torch.ones(2).double()
        ),
        torch.tensor([[1.0, 0.0]], dtype=torch.float64),
        -0.25,
        None,
        "by hand",
    )
    assert compare(saddle, ["lbfgs", "scipy:L-BFGS-B"], gradients=200).solved(1e-5).tolist() == [1, 0]


def test_progress_is_told() -> None:
    seen = []
    compare(ROSENBROCK, ["lbfgs"], gradients=5, progress=lambda run: seen.append(run.method))
    assert seen == ["lbfgs"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: compare([], ["lbfgs"]),
        lambda: compare(ROSENBROCK, []),
        lambda: compare(ROSENBROCK, "lbfgs"),
        lambda: compare(ROSENBROCK, ["lbfgs", "lbfgs"]),
        lambda: compare(ROSENBROCK, ["lbfgs"], seeds=()),
        lambda: compare(ROSENBROCK, ["lbfgs"], spread=-1.0),
        lambda: compare(ROSENBROCK, ["lbfgs"], accuracy=()),
        lambda: compare(ROSENBROCK, ["lbfgs"], accuracy=(2.0,)),
        lambda: compare(ROSENBROCK, ["lbfgs"], gradients=None),
        lambda: compare(ROSENBROCK, ["lbfgs"], gradients=0),
        lambda: compare(ROSENBROCK, ["lbfgs"], memory=0),
        lambda: compare(ROSENBROCK, ["lbfgz"]),
    ],
)
def test_bad_arguments_are_refused(call) -> None:
    with pytest.raises(ArgumentError, match="expected"):
        call()
