"""The count of bytes held."""

import torch

from fivefold.calculus import PeakMemory


def test_views_are_counted_once_and_what_is_freed_is_not_held():
    x = torch.ones(100, dtype=torch.float64)
    with PeakMemory() as memory:
        y = x + 1
        z = y.reshape(10, 10).mT[:5]
        assert memory.live == 800
        del y, z
        assert memory.live == 0
        x.mul_(2)
        x.view(10, 10)
    assert memory.peak == 800


def test_what_a_graph_saves_is_held():
    w = torch.ones(100, dtype=torch.float64, requires_grad=True)
    with PeakMemory() as memory:
        out = (w.exp()).sum()
        assert memory.live == 808
    assert out.requires_grad


def test_mapped_products_are_seen():
    X = torch.ones(7, 100, dtype=torch.float64)
    with PeakMemory() as memory:
        torch.func.vmap(lambda x: (x * 2).sum())(X)
    assert memory.peak >= 7 * 800


def test_symbolic_zeros_of_forward_mode_are_passed_on():
    X = torch.ones(7, 3, dtype=torch.float64)

    def loss(w):
        return torch.nn.functional.mse_loss(torch.tanh(X @ w[:, None]), X[:, :1])

    w, V = torch.full((3,), 0.3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    product = torch.func.vmap(lambda v: torch.func.jvp(torch.func.grad(loss), (w,), (v,))[1])
    with PeakMemory() as memory:
        seen = product(V)
    torch.testing.assert_close(seen, torch.autograd.functional.hessian(loss, w), rtol=1e-12, atol=1e-12)
    assert memory.peak > 0
