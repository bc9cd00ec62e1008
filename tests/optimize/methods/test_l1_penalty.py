"""Soft thresholding, the fixed-point distance, and what is read as a penalty."""

import math

import pytest
import torch
from torch.testing import assert_close

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize.methods.l1_penalty import L1Penalty, Penalised, l1_penalty
from fivefold.probability import Gaussian


def bowl(size=2):
    return Objective.from_function(lambda w: ((w - 2) ** 2).sum(), torch.ones(size).double())


def test_the_proximal_map_minimises_its_definition():
    penalty, step = L1Penalty(torch.tensor([0.7]).double()), 0.5
    grid = torch.linspace(-4, 4, 80_001).double()
    for v in (-3.0, -0.2, 0.0, 0.35, 2.0):
        cost = (grid - v) ** 2 / (2 * step) + 0.7 * grid.abs()
        found = penalty.prox(torch.tensor([v]).double(), step)
        assert_close(found, grid[cost.argmin()][None], rtol=0, atol=1e-4)


def test_the_distance_is_zero_at_the_optimum_and_only_there():
    penalty = L1Penalty(torch.tensor([1.0, 1.0]))
    w = torch.tensor([[2.0, 0.0]])
    assert penalty.distance(w, torch.tensor([[-1.0, 0.9]])).item() == 0
    assert penalty.distance(w, torch.tensor([[-0.5, 0.9]])).item() == 0.5
    assert_close(penalty.distance(w, torch.tensor([[-1.0, 1.5]])), torch.tensor([0.5]))


@pytest.mark.parametrize("m", [0.0, 0.5])
def test_the_largest_fall_is_that_of_a_fine_grid(m):
    penalty = L1Penalty(torch.tensor([1.0]).double())
    w, g = torch.tensor([0.8]).double(), torch.tensor([0.3 if m == 0 else 1.7]).double()
    v = torch.linspace(-6, 6, 120_001).double()
    falls = g * (w - v) - 0.5 * m * (w - v) ** 2 + w.abs() - v.abs()
    assert_close(penalty.largest_fall(w, g, m), float(falls.max()), rtol=0, atol=1e-6)


def test_a_gradient_beyond_the_penalty_bounds_nothing_without_curvature():
    assert L1Penalty(torch.ones(1)).largest_fall(torch.zeros(1), torch.tensor([2.0]), 0.0) == math.inf


def test_the_sum_has_the_gradient_of_the_smooth_part():
    F = bowl()
    value, gradient = Penalised(F, L1Penalty(torch.tensor([1.0, 2.0]).double())).value_and_gradient(
        [3.0, -1.0]
    )
    assert value.item() == 10 + 3 + 2
    assert gradient.tolist() == [2.0, -6.0]


def test_one_number_leaves_intercept_and_likelihood_parameters_alone():
    X = torch.eye(3).double()
    F = DataObjective(Linear(X), Gaussian(), (X, [1.0, 2.0, 4.0]))
    assert l1_penalty(F, 0.5).weights.tolist() == [0.5, 0.5, 0.5, 0.0, 0.0]
    assert l1_penalty(F, torch.arange(5)).weights.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert l1_penalty(bowl(), 0.5).weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("l1", "message"),
    [(-0.1, "at least 0"), ([1.0, -1.0], "at least 0"), (math.inf, "finite"), (math.nan, "finite")],
)
def test_a_penalty_that_cannot_be_is_refused(l1, message):
    with pytest.raises(ArgumentError, match=message):
        l1_penalty(bowl(), l1)


def test_a_penalty_of_another_length_is_refused():
    with pytest.raises(ArgumentError, match=r"l1 as one number or \[2\] numbers"):
        l1_penalty(bowl(), [1.0, 2.0, 3.0])
