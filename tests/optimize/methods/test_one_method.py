"""One method from its start to its certificates, as ``minimize`` asks for it."""

import torch

from fivefold.core import Budget, Status
from fivefold.objective import Objective
from fivefold.optimize.methods.one_method import Request, run_method


def test_it_keeps_to_the_method_and_says_why():
    F = Objective.from_function(lambda w: ((w - 1) ** 2).sum(), torch.zeros(3).double())
    asked = Request(1e-9, False, 5, 2.0, None, True, None, None)
    end = run_method(F, "lbfgs", "because", F.initial, Budget(steps=50), asked)
    assert (end.method, end.why, end.status) == ("lbfgs", "because", Status.CONVERGED)
    stationary, curvature, gap = end.certificates
    assert all(each.holds for each in (stationary, curvature, gap))
    assert abs(curvature.value - 2.0) < 1e-12
    assert gap.bound <= 1e-18 / 4 + 1e-30


def test_progress_is_told_of_every_step():
    F = Objective.from_function(lambda w: (w**4).sum(), torch.ones(2).double())
    seen = []
    asked = Request(1e-6, False, 5, None, None, False, lambda step, info: seen.append(step), None)
    end = run_method(F, "newton", "", F.initial, Budget(steps=7), asked)
    assert seen == list(range(end.steps + 1))
