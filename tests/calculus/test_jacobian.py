"""The Jacobian operator against dense automatic differentiation."""

import pytest
import torch

from fivefold.calculus import JacobianOperator
from fivefold.core import ArgumentError


def test_jacobian(case):
    J = JacobianOperator(case.outputs, case.w)
    assert J.shape == (4, 3)
    assert (J.mode, J.batching) == ("forward", "vmap")
    case.contract(J, torch.autograd.functional.jacobian(case.outputs, case.w))


def test_wide_jacobian_takes_the_reverse_way(case):
    wide = lambda w: torch.stack([w.prod(), w.sum()])  # noqa: E731
    case.contract(JacobianOperator(wide, case.w), torch.autograd.functional.jacobian(wide, case.w))


def test_jacobian_rows_are_row_major(case):
    square = lambda w: torch.outer(w, w)  # noqa: E731
    dense = torch.autograd.functional.jacobian(square, case.w).reshape(9, 3)
    case.contract(JacobianOperator(square, case.w), dense)


def test_jacobian_without_forward_derivative(case):
    J = JacobianOperator(case.NoForward.apply, case.w)
    assert (J.mode, J.batching) == ("double reverse", "loop")
    case.contract(J, torch.diag(3 * case.w**2))


def test_jacobian_of_an_lstm(case):
    """case.A recurrent net, over its input: reverse mode is the reference, row by row."""
    torch.manual_seed(0)
    net = torch.nn.LSTM(2, 3, dtype=torch.float64)

    def run(x):
        return net(x.reshape(4, 1, 2))[0]

    x = torch.randn(8, dtype=torch.float64)
    case.contract(JacobianOperator(run, x), torch.autograd.functional.jacobian(run, x).reshape(12, 8))


def test_float32_stays(case):
    assert JacobianOperator(case.outputs, case.w.float()).to_dense().dtype == torch.float32


def test_refuses(case):
    with pytest.raises(ArgumentError, match=r"one point \[P\]"):
        JacobianOperator(case.outputs, torch.ones(2, 3))
    with pytest.raises(ArgumentError, match="at least one value"):
        JacobianOperator(lambda w: w[:0], case.w)
