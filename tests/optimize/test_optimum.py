"""The record of a minimisation, and of two that follow each other."""

import pytest
import torch

from fivefold.core import ArgumentError, Budget
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.optimum import best_point, joined


def bowl():
    return Objective.from_function(lambda w: ((w - 1) ** 2).sum(), torch.zeros(2).double())


def test_points_of_a_batch():
    end = minimize(bowl(), "lbfgs", w0=torch.tensor([[0.0, 0.0], [5.0, 5.0]]).double())
    assert end.point(1).w.tolist() == end.w[1].tolist()
    assert end.best.value == end.value.min()
    with pytest.raises(ArgumentError, match=r"0\.\.1"):
        end.point(2)


def test_success_goes_before_a_lower_value():
    end = minimize(bowl(), "lbfgs")
    statuses = (end.status, minimize(bowl(), "lbfgs", Budget(steps=0)).status)
    assert best_point(torch.tensor([2.0, 1.0]), statuses) == 0
    assert best_point(torch.tensor([2.0, 1.0]), statuses[1:] * 2) == 1


def test_two_runs_joined_cost_both():
    F = bowl()
    first = minimize(F, "gradient-descent", Budget(steps=1))
    second = minimize(F, "newton", w0=first.w)
    both = joined(first, second, why="because")
    assert both.steps == first.steps + second.steps
    assert both.evaluations == first.evaluations + second.evaluations
    assert both.history["value"].tolist() == [
        *first.history["value"].tolist(),
        *second.history["value"].tolist()[1:],
    ]
    assert (both.method, both.why) == ("newton", "because")
