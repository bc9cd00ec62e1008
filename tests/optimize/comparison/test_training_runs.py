"""Training seen from outside: an epoch costs one gradient, looking costs nothing."""

import pytest
import torch

from fivefold.core import ArgumentError, Budget
from fivefold.objective import DataObjective
from fivefold.optimize import compare
from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import small_problems
from fivefold.optimize.comparison.problems.training_problem import TrainingProblem
from fivefold.optimize.comparison.trace import Recorder
from fivefold.optimize.comparison.training_runs import run_training
from fivefold.probability import Categorical


def problem(rows: int = 40) -> TrainingProblem:
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(rows, 3, generator=draw)
    y = (X[:, 0] > 0).long()

    def module() -> torch.nn.Module:
        return torch.nn.Linear(3, 2)

    return TrainingProblem(
        "line",
        lambda: DataObjective(module(), Categorical(2), (X, y)),
        torch.zeros(1, 8),
        None,
        None,
        "by hand",
        module=module,
        data=(X, y),
        loss="cross-entropy",
        batch_size=10,
        learning_rate=0.1,
    )


def test_an_epoch_costs_one_gradient_and_the_budget_ends_it() -> None:
    run = compare(problem(), ["train:sgd"], gradients=5).runs[0]
    trace = run.trace
    assert trace.ended == "the gradients are spent"
    assert float(trace.gradients[-1]) == pytest.approx(5.0)
    # four batches an epoch, and a look after each
    assert trace.gradients.tolist() == pytest.approx([k / 4 for k in range(21)])
    assert float(trace.value[0]) == pytest.approx(0.6931472)
    assert trace.best < 0.3


def test_values_are_those_of_the_whole_objective() -> None:
    each = problem()
    trace = compare(each, ["train:adamw"], gradients=3).runs[0].trace
    assert float(each.make().value(trace.w)) == pytest.approx(trace.best)


def test_seeds_draw_other_minibatches_and_repeat() -> None:
    runs = compare(problem(), ["train:sgd"], gradients=2, seeds=(0, 1, 0)).runs
    values = [run.trace.value.tolist() for run in runs]
    assert values[0] == values[2] != values[1]


def test_full_batch_methods_take_part() -> None:
    result = compare(problem(), ["lbfgs", "train:adamw", "torch:LBFGS"], gradients=20)
    assert result.solved(0.1).tolist()[0] == 1


def test_a_problem_without_a_module_is_refused() -> None:
    plain = small_problems()[0]
    F = plain.make()
    with pytest.raises(ArgumentError, match="a module"):
        run_training(plain, F, F.initial, Budget(), 0, Recorder(F.initial), optimizer="adamw")
