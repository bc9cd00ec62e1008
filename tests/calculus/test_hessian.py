"""The Hessian operator against closed forms and dense automatic differentiation."""

import pytest
import torch

from fivefold.calculus import HessianOperator
from fivefold.calculus.plan import CHUNK
from fivefold.core import ArgumentError


def test_hessian(case):
    H = HessianOperator(case.smooth, case.w)
    assert (H.mode, H.batching, H.symmetric, H.positive) == ("forward-over-reverse", "vmap", True, False)
    case.contract(H, torch.autograd.functional.hessian(case.smooth, case.w))


def test_hessian_of_a_quadratic_is_its_matrix(case):
    case.contract(HessianOperator(lambda w: 0.5 * w @ case.A @ w, case.w, positive=True), case.A)


def test_hessian_without_forward_derivative(case):
    H = HessianOperator(case.opaque, case.w)
    assert (H.mode, H.batching) == ("reverse-over-reverse", "loop")
    dense = torch.diag(6 * case.w)
    dense[0, 1] = dense[1, 0] = 1.0
    case.contract(H, dense)


def test_hessian_of_a_branching_function(case):
    H = HessianOperator(case.branching, case.w)
    assert (H.mode, H.batching) == ("forward-over-reverse", "vmap")
    dense = torch.diag(6 * case.w)
    dense[0, 1] = dense[1, 0] = 1.0
    case.contract(H, dense)


def test_hessian_of_a_linear_function_is_zero(case):
    assert bool((HessianOperator(torch.sum, case.w).to_dense() == 0).all())


def test_hessian_reverse_of_a_constant_gradient(case):
    H = HessianOperator(torch.sum, case.w)
    assert bool((H._reverse_looped(torch.eye(3, dtype=torch.float64)) == 0).all())


def test_more_columns_than_a_chunk(case):
    P = CHUNK + 7
    w = torch.linspace(-1, 1, P, dtype=torch.float64)
    H = HessianOperator(lambda v: (v**4).sum(), w)
    torch.testing.assert_close(H.to_dense(), torch.diag(12 * w**2), rtol=1e-13, atol=1e-13)


def test_float32_stays(case):
    w = case.w.float()
    assert (HessianOperator(case.smooth, w) @ w).dtype == torch.float32


def test_refuses(case):
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        HessianOperator(case.smooth, torch.ones(2, 3))
    with pytest.raises(ArgumentError, match="a function with one value"):
        HessianOperator(case.outputs, case.w)
