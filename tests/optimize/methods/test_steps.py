"""A direction with a search, and what it does with a direction that is none."""

import torch

from fivefold.objective import Objective
from fivefold.optimize import Searched


class Fixed:
    """A direction that is given, and counts how often it is told to forget."""

    curvature = 0.9

    def __init__(self, p):
        self.p, self.resets = p, 0

    def find(self, w, gradient, rows):
        return self.p[rows].clone(), torch.ones(len(rows), dtype=w.dtype)

    def learn(self, s, y):
        self.pair = (s, y)

    def reset(self, rows):
        self.resets += len(rows)


def moved(p, fn=lambda w: ((w - 1) ** 2).sum()):
    F = Objective.from_function(fn, torch.zeros(2).double())
    w = torch.zeros(2, 2).double()
    value, gradient = F.value_and_gradient(w)
    step = Searched(F, Fixed(torch.tensor(p).double()))
    return step, step.move(w, value, gradient, torch.tensor([0, 1]))


def walled(w):
    return torch.where(w[1] < w[0], torch.nan, ((w - 1) ** 2).sum())


def moved_alone(p, fn):
    F = Objective.from_function(fn, torch.zeros(2).double())
    w = torch.zeros(1, 2).double()
    value, gradient = F.value_and_gradient(w)
    step = Searched(F, Fixed(torch.tensor([p]).double()))
    step.asked, evaluate = 0, F.value_and_gradient

    def counted(points):
        step.asked += 1
        return evaluate(points)

    F.value_and_gradient = counted
    return step, step.move(w, value, gradient, torch.tensor([0]))


def test_uphill_level_and_nan_directions_become_the_negative_gradient():
    for bad in ([-1.0, -1.0], [1.0, -1.0], [float("nan"), 1.0]):
        _, end = moved([[0.5, 0.5], bad])
        assert bool(end.found.all())
        torch.testing.assert_close(end.w[1], torch.ones(2).double(), atol=0.35, rtol=0)
        assert float(end.value[1]) < 0.3


def test_a_search_that_finds_nothing_is_tried_again_along_the_gradient():
    # the value is not finite a hair along p, but falls along the gradient
    step, end = moved([[1.0, 0.0]] * 2, walled)
    assert step.direction.resets == 2
    single, alone = moved_alone(
        [1.0, 0.0], lambda w: torch.where(w[1] < w[0], torch.nan, ((w - 1) ** 2).sum())
    )
    assert single.direction.resets == 1
    assert alone.evaluations == end.evaluations == single.asked  # each search is made once, and counted
    assert bool((end.value < 1).all())
    assert end.evaluations > 40
    step.learn(end.w, end.gradient)
    assert step.direction.pair[0] is end.w
    step.reset(torch.tensor([0]))
    assert step.direction.resets == 3
