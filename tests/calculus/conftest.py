"""Functions with known derivatives, and the contract that every derivative operator keeps."""

from types import SimpleNamespace

import pytest
import torch

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


def contract(operator, dense):
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


@pytest.fixture
def case():
    return SimpleNamespace(
        A=A,
        w=W.clone(),
        smooth=smooth,
        outputs=outputs,
        NoForward=NoForward,
        opaque=opaque,
        branching=branching,
        contract=contract,
    )
