"""Products of a tape's Hessian against the dense second derivative in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.core import ArgumentError
from fivefold.diagnosis.observation.tape import Tape
from fivefold.diagnosis.observation.tape_hessian import TapeHessian, plain_kernels


def taped(model: nn.Module, x: Tensor, y: Tensor) -> Tape:
    """The tape of a mean squared error."""
    tape = Tape({id(p): p for p in model.parameters()})
    tape.open()
    out = model(x)
    tape.record_module(model, (x,), {}, out)
    loss = functional.mse_loss(out, y)
    tape.record(functional.mse_loss, (out, y), {}, loss)
    tape.finish(loss)
    return tape


def dense(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The same second derivative, column by column, of a function of one vector."""
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]

    def value(w: Tensor) -> Tensor:
        parts = {
            k: c.reshape(p.shape) for (k, p), c in zip(named.items(), torch.split(w, sizes), strict=True)
        }
        return functional.mse_loss(torch.func.functional_call(model, parts, (x,)), y)

    w = torch.cat([p.detach().reshape(-1) for p in named.values()])
    return torch.autograd.functional.hessian(value, w)


def test_products_are_those_of_the_dense_hessian() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 2, dtype=torch.float64)
    operator = TapeHessian(taped(model, x, y), list(model.parameters()))
    V = torch.randn(operator.shape[0], 3, dtype=torch.float64)
    assert not operator.plain
    # Two ways of summing the same float64 terms.
    assert torch.allclose(operator @ V, dense(model, x, y) @ V, rtol=1e-10, atol=1e-12)
    functional.mse_loss(model(x), y).backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    assert torch.allclose(operator.gradient, gradient, rtol=1e-12)
    held = [p.grad.clone() for p in model.parameters()]
    operator @ V
    assert all(torch.equal(a, p.grad) for a, p in zip(held, model.parameters(), strict=True))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.inner(x).unflatten(-1, (3, 1, 4)).permute(2, 0, 3, 1, 4)
        return functional.scaled_dot_product_attention(q, k, v)[:, 0]


def test_fused_attention_is_computed_by_plain_kernels() -> None:
    torch.manual_seed(1)
    model = Attention()
    x, y = torch.randn(3, 5, 4), torch.randn(3, 5, 4)
    operator = TapeHessian(taped(model, x, y), list(model.parameters()))
    assert operator.plain
    with plain_kernels():
        expected = dense(model, x, y)
    v = torch.randn(operator.shape[0])
    # float32: some hundred terms of size one.
    assert torch.allclose(operator @ v, expected @ v, rtol=1e-3, atol=1e-5)


def test_a_loss_that_is_linear_in_the_parameters_has_none() -> None:
    w = torch.ones(3, requires_grad=True)
    tape = Tape({id(w): w})
    tape.open()
    made = w * 2
    tape.record(torch.mul, (w, 2), {}, made)
    loss = made.sum()
    tape.record(torch.sum, (made,), {}, loss)
    tape.finish(loss)
    assert (TapeHessian(tape, [w]) @ torch.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_several_devices_are_refused() -> None:
    with pytest.raises(ArgumentError, match="parameters on one device"):
        TapeHessian(Tape(), [torch.zeros(1), torch.zeros(1, device="meta")])
