"""Least squares with its structure."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Objective

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)


def residuals(w):
    return 2**0.5 * torch.stack([1 - w[0], 10 * (w[1] - w[0] ** 2)])


def hessian(w):
    a, b = (float(x) for x in w)
    return torch.tensor([[2 - 400 * (b - 3 * a**2), -400 * a], [-400 * a, 200]], dtype=torch.float64)


def test_residual_structure():
    F = Objective.from_residuals(residuals, START)
    J = torch.autograd.functional.jacobian(residuals, START)
    torch.testing.assert_close(F.jacobian(START).to_dense(), J, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(F.gauss_newton(START).to_dense(), J.mT @ J, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(F.residuals(START), residuals(START), rtol=0, atol=0)
    # At the minimum the residuals vanish, so Gauss-Newton is the Hessian.
    at = torch.ones(2, dtype=torch.float64)
    torch.testing.assert_close(F.gauss_newton(at).to_dense(), hessian(at), rtol=1e-12, atol=1e-12)
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        F.jacobian(torch.ones(2, 2))


def test_refuses():
    with pytest.raises(ArgumentError, match=r"residuals as a vector \[m\]"):
        Objective.from_residuals(lambda w: w.sum(), START)
