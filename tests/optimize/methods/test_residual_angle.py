"""The certificate of least squares: it holds at a minimum, whatever the units, and can come out false."""

import torch

from fivefold.core import Budget
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.descent import gradient_norm
from fivefold.optimize.methods.gauss_newton import gauss_newton
from fivefold.optimize.methods.levenberg_marquardt import levenberg_marquardt
from fivefold.optimize.methods.residual_angle import certify_angle, distance_of

X = torch.linspace(0, 2, 10, dtype=torch.float64)


def _objective(unit: float) -> Objective:
    y = torch.exp(-X) + 0.1 * torch.cos(8 * X)
    start = torch.tensor([0.5, 2.0], dtype=torch.float64)
    return Objective.from_residuals(lambda w: unit * (w[1] * torch.exp(-w[0] * X) - y), start)


def test_it_holds_at_the_minimum_whatever_the_unit_of_the_residuals() -> None:
    for unit in (1e-9, 1.0, 1e9):
        for method in ("levenberg-marquardt", "gauss-newton"):
            end = minimize(_objective(unit), method)
            certificate = end.certificates[0]
            assert certificate.holds, (unit, method)
            assert "|J_j|" in certificate.claim
            assert certificate.value == float(end.gradient_norm)


def test_it_comes_out_false_before_the_minimum() -> None:
    end = minimize(_objective(1e-9), budget=Budget(steps=1))
    # the gradient's norm is tiny by its unit alone, and would have said yes
    assert float(_objective(1e-9).value_and_gradient(end.w)[1].norm()) < 1e-8
    assert end.certificates[0].holds is False


def test_its_bound() -> None:
    assert certify_angle(1e-9, 1e-8).holds
    assert not certify_angle(1e-7, 1e-8).holds
    assert not certify_angle(float("nan"), 1e-8).holds


def test_other_methods_keep_the_norm() -> None:
    F = _objective(1.0)
    assert minimize(F, "lbfgs").certificates[0].claim.startswith("F is finite at w and |grad")
    for step in (levenberg_marquardt(F), gauss_newton(F)):
        assert distance_of(step) is not gradient_norm
