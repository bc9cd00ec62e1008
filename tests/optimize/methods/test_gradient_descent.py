"""Gradient steps: the formulas on a quadratic, rates, and what a wrong curvature estimate does."""

import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.gradient_descent import GradientDescent

SCALES = torch.tensor([1.0, 4.0, 16.0]).double()
F = Objective.from_function(lambda w: (SCALES * w**2).sum() / 2, torch.ones(3).double())
FORMS = ["plain", "heavy-ball", "nesterov"]


def taken(form, steps):
    moves = GradientDescent(F, form)
    w = torch.tensor([[3.0, -2.0, 1.0]]).double()
    path = [w]
    value, gradient = F.value_and_gradient(w)
    for _ in range(steps):
        end = moves.move(w, value, gradient, torch.tensor([0]))
        w, value, gradient = end.w, end.value, end.gradient
        path.append(w)
    return moves, path, end


def test_a_plain_step_is_along_the_gradient_with_the_length_said():
    _, path, end = taken("plain", 4)
    torch.testing.assert_close(path[4], path[3] - end.step * SCALES * path[3])
    assert float(end.step) <= 2 / 16 + 1e-12


def test_the_heavy_ball_carries_nine_tenths_of_the_last_move():
    moves = GradientDescent(F, "heavy-ball")
    old = torch.tensor([[3.0, -2.0, 0.0]]).double()
    w = moves.move(old, *F.value_and_gradient(old), torch.tensor([0])).w
    carried = 0
    for _ in range(10):
        end = moves.move(w, *F.value_and_gradient(w), torch.tensor([0]))
        plain = w - end.step * SCALES * w
        carried += torch.allclose(end.w, plain + 0.9 * (w - old), rtol=1e-12, atol=1e-14)
        old, w = w, end.w
    assert carried >= 3


def test_nesterov_looks_ahead_from_its_second_momentum_on():
    _, path, end = taken("nesterov", 3)
    # after one step with momentum theta is 1 still to begin with, so the second is the first that looks ahead
    shares = [(y - path[2]) / (path[2] - path[1]) for y in [(path[3]) / (1 - end.step * SCALES)]]
    share = shares[0][0]
    assert float(share.std()) < 1e-9
    assert 0 < float(share.mean()) < 1


@pytest.mark.parametrize("form", FORMS)
def test_values_never_rise(form):
    G = Objective.from_function(
        lambda w: (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum(), torch.ones(2).double()
    )
    name = {"plain": "gradient-descent", "heavy-ball": "momentum"}.get(form, form)
    end = minimize(G, name, w0=[-1.2, 1.0], budget=Budget(steps=300))
    # up to the rounding of F, which is 0 at its minimum
    assert float(end.history["value"].diff().max()) <= 1e-15
    assert float(end.value) < 0.2


def test_nesterov_goes_with_the_root_of_the_condition():
    scales = np.logspace(0, 3, 20)
    G = Objective.from_oracle(lambda w: (float(scales @ w**2) / 2, scales * w), np.ones(20))
    # sqrt(1000) log(10^8) = 600; plain steps may go with the condition itself
    end = minimize(G, "nesterov", tolerance=1e-6, budget=Budget(steps=900), examine=False)
    assert end.status is Status.CONVERGED
    plain = minimize(G, "gradient-descent", tolerance=1e-6, budget=Budget(steps=end.steps), examine=False)
    assert plain.status is Status.OUT_OF_BUDGET


@pytest.mark.parametrize("form", FORMS)
def test_a_wall_of_nan_is_not_crossed(form):
    G = Objective.from_function(lambda w: (-w.log() + 3 * w).sum(), torch.ones(2).double())
    moves = GradientDescent(G, form)
    w = torch.tensor([[1e-3, 5.0], [2.0, 1e-6]]).double()
    value, gradient = G.value_and_gradient(w)
    for _ in range(250):
        end = moves.move(w, value, gradient, torch.arange(2))
        assert bool((end.w > 0).all())
        assert bool((end.value <= value * (1 + 1e-14)).all())
        w, value, gradient = end.w, end.value, end.gradient
    assert float((w - 1 / 3).abs().max()) < 0.05


def test_rows_learn_apart_and_forget():
    moves = GradientDescent(F, "nesterov")
    w = torch.tensor([[3.0, -2.0, 1.0], [1.0, 1.0, 1.0]]).double()
    moves.move(w, *F.value_and_gradient(w), torch.tensor([1]))
    assert moves._L.isnan().tolist() == [True, False]
    moves.reset(torch.tensor([1]))
    assert moves._L.isnan().all()
    end = moves.move(w, *F.value_and_gradient(w), torch.tensor([0, 1]))
    assert math.isfinite(float(end.value.sum()))
    assert end.evaluations < 10
    moves.learn(w, w)


def test_a_momentum_out_of_range_is_refused():
    with pytest.raises(ArgumentError, match="a momentum in"):
        GradientDescent(F, "heavy-ball", momentum=1.0)
