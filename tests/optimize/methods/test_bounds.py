"""The box: its projection, its distance from stationarity, and what it refuses."""

import math

import pytest
import torch
from torch.testing import assert_close

from fivefold.core import ArgumentError
from fivefold.objective import Objective
from fivefold.optimize.methods.bounds import Box, box_of


def bowl(size=3):
    return Objective.from_function(lambda w: ((w - 2) ** 2).sum(), torch.ones(size).double())


def test_numbers_arrays_and_tensors_broadcast():
    box = box_of(bowl(), (0, [1.0, math.inf, 2.0]))
    assert box.low.tolist() == [0.0, 0.0, 0.0]
    assert box.high.tolist() == [1.0, math.inf, 2.0]
    assert box.low.dtype == torch.float64


def test_the_projection_is_the_nearest_point():
    box = Box(torch.tensor([-1.0, 0.0]), torch.tensor([1.0, math.inf]))
    w = 3 * torch.randn(50, 2)
    inside = torch.stack([2 * torch.rand(400) - 1, 5 * torch.rand(400)], dim=-1)
    near = (w - box.project(w)).norm(dim=-1)
    assert bool((near[:, None] <= (w[:, None] - inside).norm(dim=-1)).all())
    assert bool(box.contains(box.project(w)).all())


def test_the_distance_is_zero_exactly_where_no_direction_leads_down():
    box = Box(torch.zeros(3), torch.ones(3))
    w = torch.tensor([[0.0, 1.0, 0.5]])
    assert box.distance(w, torch.tensor([[5.0, -5.0, 0.0]])).item() == 0
    assert box.distance(w, torch.tensor([[-0.5, -5.0, 0.0]])).item() == 0.5
    assert box.held(w, torch.tensor([[5.0, -5.0, 1.0]])).tolist() == [[True, True, False]]


@pytest.mark.parametrize("m", [0.0, 0.7])
def test_the_largest_fall_is_that_of_a_fine_grid(m):
    torch.manual_seed(1)
    box = Box(torch.tensor([-1.0, 0.0]).double(), torch.tensor([1.0, 2.0]).double())
    w, g = torch.tensor([0.3, 1.5]).double(), torch.tensor([1.0, -0.2]).double()
    grid = torch.cartesian_prod(torch.linspace(-1, 1, 401).double(), torch.linspace(0, 2, 401).double())
    falls = (w - grid) @ g - 0.5 * m * (w - grid).square().sum(-1)
    # the grid's spacing of 0.005 leaves at most m/2 0.005^2 / 2 and rounding
    assert_close(box.largest_fall(w, g, m), float(falls.max()), rtol=0, atol=1e-5)


def test_an_open_side_without_curvature_bounds_nothing():
    box = Box(torch.zeros(1), torch.tensor([math.inf]))
    assert box.largest_fall(torch.ones(1), torch.tensor([-1.0]), 0.0) == math.inf
    assert box.largest_fall(torch.ones(1), torch.tensor([0.0]), 0.0) == 0.0


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((1.0, 0.0), "low <= high.*low 1 and high 0 at 3 coordinates"),
        (([0.0, 2.0, 0.0], 1.0), "at 1 coordinates, first 1"),
        ((math.nan, 1.0), "the low bound without NaN"),
        ((0.0, [1.0, 2.0]), r"the high bound as one number or \[3\]"),
        ((math.inf, math.inf), "with a number between them"),
        (0.0, "a pair"),
        ((0.0, 1.0, 2.0), "a pair"),
    ],
)
def test_bounds_that_cannot_be_are_refused(bounds, message):
    with pytest.raises(ArgumentError, match=message):
        box_of(bowl(), bounds)
