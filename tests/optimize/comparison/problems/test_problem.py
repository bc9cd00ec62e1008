"""A problem checks the shapes of what is published about it."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Objective
from fivefold.optimize.comparison.problems import Problem


def _make() -> Objective:
    return Objective.from_function(lambda w: (w**2).sum(), torch.ones(2))


def test_each_call_makes_a_fresh_objective() -> None:
    problem = Problem("parabola", _make, torch.ones(3, 2), 0.0, torch.zeros(2), "school")
    assert problem.size == 2
    assert problem.make() is not problem.make()


@pytest.mark.parametrize(
    ("starts", "solution"),
    [(torch.ones(2), None), (torch.ones(0, 2), None), (torch.ones(1, 2), torch.zeros(3))],
)
def test_shapes_that_do_not_fit_are_refused(starts: torch.Tensor, solution: torch.Tensor | None) -> None:
    with pytest.raises(ArgumentError, match="shape"):
        Problem("wrong", _make, starts, None, solution, "school")
