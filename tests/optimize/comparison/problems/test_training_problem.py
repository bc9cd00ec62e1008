"""The module and the vector are one."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective
from fivefold.optimize.comparison.problems.training_problem import TrainingProblem
from fivefold.probability import Categorical

X, Y = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])


def net() -> nn.Module:
    frozen = nn.Linear(2, 2)
    frozen.requires_grad_(False)
    with torch.no_grad():
        frozen.weight.copy_(torch.eye(2))
        frozen.bias.zero_()
    return nn.Sequential(frozen, nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))


def make(size: int = 27) -> TrainingProblem:
    return TrainingProblem(
        "net",
        lambda: DataObjective(net(), Categorical(3), (X, Y)),
        torch.zeros(1, size),
        None,
        None,
        "by hand",
        module=net,
        data=(X, Y),
        loss="cross-entropy",
    )


def test_vector_and_module_are_inverse_and_in_the_objectives_order() -> None:
    problem = make()
    w = torch.linspace(-1, 1, 27)
    module = problem.module_at(w)
    assert torch.equal(problem.vector(module), w)
    loss = nn.functional.cross_entropy(module(X), Y)
    assert float(loss.detach()) == pytest.approx(float(problem.make().value(w)), rel=1e-6)
    assert problem.rows == 6


def test_a_module_of_another_size_is_refused() -> None:
    with pytest.raises(ArgumentError, match="27"):
        make(size=20)
