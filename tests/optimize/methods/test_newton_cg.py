"""Newton-CG that uses negative curvature: a saddle's ridge is left at once, where a truncated step creeps."""

import torch

from fivefold.core import Budget, Status, drive
from fivefold.objective import Objective
from fivefold.optimize import Searched, minimize
from fivefold.optimize.methods.descent import Descent
from fivefold.optimize.methods.directions import TruncatedNewton
from fivefold.optimize.methods.newton_cg import NewtonCG


def ridge(size):
    """Every coordinate but one is a bowl; that one is a double well with its ridge at 0."""
    weights = torch.logspace(0, 1, size, dtype=torch.float64)

    def fn(w):
        return (weights[1:] * w[1:] ** 2).sum() / 2 + w[0] ** 4 / 4 - w[0] ** 2 / 2

    return Objective.from_function(fn, torch.zeros(size).double())


def test_it_needs_fewer_evaluations_than_truncation_near_a_saddle():
    F, start = ridge(40), torch.full((1, 40), 1e-3).double()
    start[0, 0] = 1e-7
    spent = {}
    for moves in (NewtonCG(F), Searched(F, TruncatedNewton(F))):
        run = drive(Descent(F, start, moves, 1e-7, False), Budget(steps=200))
        spent[type(moves).__name__] = run.steps
        if isinstance(moves, NewtonCG):
            assert run.status is Status.CONVERGED
            assert abs(float(run.state.w[0, 0])) > 0.999
    assert spent["NewtonCG"] < spent["Searched"]


def test_a_batch_mixes_curved_and_straight_steps():
    F = ridge(5)
    w = torch.zeros(3, 5).double()
    w[:, 1:] = 0.5
    w[0, 0], w[1, 0], w[2, 0] = 0.05, 1.1, -0.05
    step = NewtonCG(F)
    value, gradient = F.value_and_gradient(w)
    together = step.move(w, value, gradient, torch.tensor([0, 1, 2]))
    assert bool((together.value < value).all())
    # the sign of the way out is that of the descent
    assert float(together.w[0, 0]) > 0.05
    assert float(together.w[2, 0]) < -0.05
    for row in range(3):
        alone = NewtonCG(F).move(w, value, gradient, torch.tensor([row]))
        torch.testing.assert_close(alone.w[0], together.w[row], rtol=1e-12, atol=1e-12)
    step.learn(w, w)
    step.reset(torch.tensor([0]))


def test_a_curve_that_fails_leaves_the_negative_gradient():
    # a Hessian product that lies: negative curvature everywhere, of a bowl
    F = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w), torch.ones(2).numpy(), hessian_product=lambda w, v: -1e-9 * v
    )
    w = torch.tensor([[1.0, 2.0]]).double()
    end = NewtonCG(F).move(w, *F.value_and_gradient(w), torch.tensor([0]))
    assert float(end.value) < 5.0
    flat = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w), torch.ones(2).numpy(), hessian_product=lambda w, v: 0 * v
    )
    assert float(NewtonCG(flat).move(w, *F.value_and_gradient(w), torch.tensor([0])).value) < 5.0


def test_a_large_saddle_is_left_to_a_minimum():
    F = ridge(2200)
    end = minimize(F, "newton", w0=torch.full((2200,), 1e-4).double(), tolerance=1e-7)
    assert end.status is Status.CONVERGED, end.reason
    assert abs(float(end.w[0])) > 0.999
    assert end.certificates[1].kind.value == "indicator"
