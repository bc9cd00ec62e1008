"""What rounding hides: the predicted decrease against closed forms, and the verdict on both sides."""

import pytest
import torch

from fivefold.core import Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.rounding import Floor, certify_rounding, rounding_floor


def bowl(offset, scale=1.0):
    weights = torch.tensor([1.0, 10.0, 100.0]).double()
    return Objective.from_function(
        lambda w: offset + scale * (weights * w**2).sum() / 2, torch.ones(3).double()
    )


@pytest.mark.parametrize("dense", [True, False])
def test_the_predicted_decrease_of_a_quadratic_is_exact(dense):
    F, w = bowl(3.0), torch.tensor([1e-4, -2e-4, 3e-4]).double()
    floor = rounding_floor(F, w, *F.value_and_gradient(w), dense=dense)
    # by conjugate gradients up to the square of their relative tolerance
    assert floor.predicted == pytest.approx(float(F.value(w)) - 3.0, rel=1e-9 if dense else 0.1)
    assert floor.rounding == pytest.approx(64 * 2.2e-16 * 3.0, rel=0.1)
    assert not floor.reached


@pytest.mark.parametrize("dense", [True, False])
def test_negative_curvature_and_nan_have_no_floor(dense):
    F = Objective.from_function(lambda w: w[0] ** 2 - w[1] ** 2, torch.ones(2).double())
    w = torch.full((2,), 1e-9).double()
    assert rounding_floor(F, w, *F.value_and_gradient(w), dense=dense) is None
    nan = torch.full((2,), torch.nan).double()
    assert rounding_floor(F, w, F.value(w), nan, dense=dense) is None
    G = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w), w.numpy(), hessian_product=lambda w, v: v * float("nan")
    )
    assert rounding_floor(G, w, *G.value_and_gradient(w), dense=dense) is None


def test_a_certificate_can_come_out_false():
    assert certify_rounding(1.0, 1e-6, Floor(1e-9, 1e-12, "")).holds is False
    assert certify_rounding(float("nan"), 1e-6, Floor(0.0, 1e-12, "")).holds is False


@pytest.mark.parametrize("method", ["nesterov", "lbfgs", "newton", "trust-region"])
def test_a_large_f_converges_to_rounding_by_default_and_stalls_when_asked_for_more(method):
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(40, 4, generator=generator, dtype=torch.float64)

    def fn(w):
        return 1e8 * (torch.nn.functional.softplus(A @ w).sum() + (w * w).sum())

    F = Objective.from_function(fn, torch.ones(4).double())
    asked = minimize(F, method, tolerance=1e-8)
    assert asked.status is Status.STALLED
    assert asked.certificates[0].holds is False
    given = minimize(F, method)
    assert given.status is Status.CONVERGED, given.reason
    assert "to rounding" in given.reason
    assert given.certificates[0].holds is True
    assert given.certificates[0].value <= given.certificates[0].bound
    assert "above the tolerance" in given.certificates[0].method
    assert given.evaluations <= asked.evaluations
    assert float(given.value) == pytest.approx(float(asked.value), rel=1e-12)


def test_a_small_f_is_not_called_converged_at_its_start():
    F = bowl(0.0, scale=1e-12)
    end = minimize(F)
    assert end.steps > 0
    assert float(end.w.abs().max()) < 1e-6
    assert end.certificates[0].bound < 1e-17
    # a tolerance that is named is kept to the letter
    assert minimize(F, tolerance=1e-8).steps == 0
