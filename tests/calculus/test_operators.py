"""Gradient, Hessian, Jacobian and Gauss-Newton against closed forms and dense automatic differentiation."""

import pytest
import torch

from fivefold.calculus import (
    GaussNewtonOperator,
    HessianOperator,
    JacobianOperator,
    gradient,
    value_and_gradient,
)
from fivefold.calculus.columns import CHUNK, over_columns
from fivefold.core import ArgumentError
from fivefold.linalg import Dense, LinearOperator

A = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, -1.0], [0.0, -1.0, 4.0]], dtype=torch.float64)
W = torch.tensor([0.7, -1.2, 2.1], dtype=torch.float64)


def smooth(w):
    return torch.sin(w[0]) * w[1] ** 2 + torch.exp(0.3 * w[2] * w[0]) + 0.5 * w @ A.to(w) @ w


def outputs(w):
    return torch.stack([w[0] * w[1], torch.exp(w[2]), w.sum(), w[0] ** 3])


class NoForward(torch.autograd.Function):
    """x**3 without a forward derivative and without a batching rule, but twice differentiable in reverse."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def opaque(w):
    return NoForward.apply(w).sum() + w[0] * w[1]


def branching(w):
    # .item() cannot be mapped, but every derivative can be taken.
    return (w**3).sum() + w[0] * w[1] if w[0].item() < 100 else w.sum()


def contract(operator: LinearOperator, dense: torch.Tensor):
    generator = torch.Generator().manual_seed(0)
    m, n = dense.shape
    X = torch.randn(2, n, 3, generator=generator, dtype=dense.dtype)
    Y = torch.randn(2, m, 3, generator=generator, dtype=dense.dtype)
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(operator.to_dense(), dense, **close)
    torch.testing.assert_close(operator @ X, dense @ X, **close)
    torch.testing.assert_close(operator @ X[0], dense @ X[0], **close)
    torch.testing.assert_close(operator @ X[0, :, 0], dense @ X[0, :, 0], **close)
    torch.testing.assert_close(operator.H @ Y, dense.mT @ Y, **close)
    torch.testing.assert_close(operator.H.H @ X, dense @ X, **close)
    # <A x, y> = <x, A* y>
    left, right = ((operator @ X) * Y).sum(), (X * (operator.H @ Y)).sum()
    torch.testing.assert_close(left, right, **close)


def test_gradient_of_a_quadratic():
    quadratic = lambda w: 0.5 * w @ A @ w  # noqa: E731
    torch.testing.assert_close(gradient(quadratic)(W), A @ W, rtol=1e-14, atol=1e-14)


def test_gradient_over_a_batch_is_the_loop():
    points = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    both = value_and_gradient(smooth)
    assert both.batching == "unknown"
    value, slope = both(points)
    assert both.batching == "vmap"
    assert value.shape == (4, 2)
    for i in range(4):
        for j in range(2):
            one, direction = both(points[i, j])
            torch.testing.assert_close(value[i, j], one, rtol=1e-13, atol=1e-13)
            torch.testing.assert_close(slope[i, j], direction, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(both.value(points), value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("fn", [branching, opaque])
def test_what_cannot_be_mapped_is_looped_over_and_says_so(fn):
    points = torch.stack([W, 2 * W])
    both = value_and_gradient(fn)
    value, slope = both(points)
    assert both.batching == "loop"
    expected = 3 * points**2
    expected[:, 0] += points[:, 1]
    expected[:, 1] += points[:, 0]
    torch.testing.assert_close(slope, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(both.value(points), value, rtol=1e-14, atol=0)
    torch.testing.assert_close(value_and_gradient(fn).value(points), value, rtol=1e-14, atol=0)


def test_gradient_under_no_grad():
    with torch.no_grad():
        torch.testing.assert_close(gradient(torch.sum)(W), torch.ones_like(W), rtol=0, atol=0)


@pytest.mark.parametrize("fn", [lambda w: w, lambda w: w.detach().sum(), lambda w: torch.ones(())])
def test_gradient_refuses(fn):
    with pytest.raises(ArgumentError, match="one real value that depends on w"):
        gradient(fn)(W)


def test_the_functions_own_error_passes():
    def broken(w):
        raise RuntimeError("my own error")

    with pytest.raises(RuntimeError, match="my own error"):
        gradient(broken)(torch.stack([W, W]))


def test_hessian():
    H = HessianOperator(smooth, W)
    assert (H.mode, H.batching, H.symmetric, H.positive) == ("forward-over-reverse", "vmap", True, False)
    contract(H, torch.autograd.functional.hessian(smooth, W))


def test_hessian_of_a_quadratic_is_its_matrix():
    contract(HessianOperator(lambda w: 0.5 * w @ A @ w, W, positive=True), A)


def test_hessian_without_forward_derivative():
    H = HessianOperator(opaque, W)
    assert (H.mode, H.batching) == ("reverse-over-reverse", "loop")
    dense = torch.diag(6 * W)
    dense[0, 1] = dense[1, 0] = 1.0
    contract(H, dense)


def test_hessian_of_a_branching_function():
    H = HessianOperator(branching, W)
    assert (H.mode, H.batching) == ("forward-over-reverse", "vmap")
    dense = torch.diag(6 * W)
    dense[0, 1] = dense[1, 0] = 1.0
    contract(H, dense)


@pytest.mark.parametrize("fn", [torch.sum, lambda w: NoForward.apply(w[:1]).sum() * 0 + w.sum()])
def test_hessian_of_a_linear_function_is_zero(fn):
    assert bool((HessianOperator(fn, W).to_dense() == 0).all())


def test_hessian_reverse_of_a_constant_gradient():
    H = HessianOperator(torch.sum, W)
    assert bool((H._reverse_looped(torch.eye(3, dtype=torch.float64)) == 0).all())


def test_more_columns_than_a_chunk():
    P = CHUNK + 7
    w = torch.linspace(-1, 1, P, dtype=torch.float64)
    H = HessianOperator(lambda v: (v**4).sum(), w)
    torch.testing.assert_close(H.to_dense(), torch.diag(12 * w**2), rtol=1e-13, atol=1e-13)


def test_jacobian():
    J = JacobianOperator(outputs, W)
    assert J.shape == (4, 3)
    assert (J.mode, J.batching) == ("forward", "vmap")
    contract(J, torch.autograd.functional.jacobian(outputs, W))


def test_wide_jacobian_takes_the_reverse_way():
    wide = lambda w: torch.stack([w.prod(), w.sum()])  # noqa: E731
    contract(JacobianOperator(wide, W), torch.autograd.functional.jacobian(wide, W))


def test_jacobian_rows_are_row_major():
    square = lambda w: torch.outer(w, w)  # noqa: E731
    dense = torch.autograd.functional.jacobian(square, W).reshape(9, 3)
    contract(JacobianOperator(square, W), dense)


def test_jacobian_without_forward_derivative():
    J = JacobianOperator(NoForward.apply, W)
    assert (J.mode, J.batching) == ("double reverse", "loop")
    contract(J, torch.diag(3 * W**2))


def test_jacobian_of_an_lstm():
    """A recurrent net, over its input: reverse mode is the reference, row by row."""
    torch.manual_seed(0)
    net = torch.nn.LSTM(2, 3, dtype=torch.float64)

    def run(x):
        return net(x.reshape(4, 1, 2))[0]

    x = torch.randn(8, dtype=torch.float64)
    contract(JacobianOperator(run, x), torch.autograd.functional.jacobian(run, x).reshape(12, 8))


@pytest.mark.parametrize("kind", ["none", "diagonal", "operator"])
def test_gauss_newton(kind):
    J = torch.autograd.functional.jacobian(outputs, W)
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    curvature, C = {
        "none": (None, torch.eye(4, dtype=torch.float64)),
        "diagonal": ((d := torch.tensor([1.0, 0.0, 2.0, 5.0], dtype=torch.float64)), torch.diag(d)),
        "operator": (Dense(root @ root.mT, symmetric=True, positive=True), root @ root.mT),
    }[kind]
    G = GaussNewtonOperator(outputs, W, curvature)
    assert G.positive
    assert G.mode == "forward"
    contract(G, J.mT @ C @ J)


def test_gauss_newton_is_the_hessian_where_outputs_are_linear():
    B = torch.randn(5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    loss = lambda z: (z**4).sum()  # noqa: E731
    G = GaussNewtonOperator(lambda w: B @ w, W, 12 * (B @ W) ** 2)
    torch.testing.assert_close(
        G.to_dense(), HessianOperator(lambda w: loss(B @ w), W).to_dense(), rtol=1e-11, atol=1e-11
    )


def test_float32_stays():
    w = W.float()
    assert (HessianOperator(smooth, w) @ w).dtype == torch.float32
    assert JacobianOperator(outputs, w).to_dense().dtype == torch.float32
    assert GaussNewtonOperator(outputs, w).to_dense().dtype == torch.float32


def test_over_columns_keeps_the_batch():
    X = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    torch.testing.assert_close(over_columns(lambda c: A @ c, X), A @ X, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HessianOperator(smooth, torch.ones(2, 3)), r"one point \[P\]"),
        (lambda: HessianOperator(outputs, W), "a function with one value"),
        (lambda: JacobianOperator(outputs, torch.ones(2, 3)), r"one point \[P\]"),
        (lambda: JacobianOperator(lambda w: w[:0], W), "at least one value"),
        (lambda: GaussNewtonOperator(outputs, W, torch.ones(3)), r"curvature of shape \(4, 4\)"),
        (lambda: GaussNewtonOperator(outputs, W, Dense(torch.ones(4, 4))), "a symmetric curvature"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
