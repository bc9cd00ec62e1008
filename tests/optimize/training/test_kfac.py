"""K-FAC against the exact natural gradient, a NumPy float64 reference, and itself resumed."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training.kfac import KFAC


def data(n=32, d=3, outputs=2):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return X, X @ torch.randn(d, outputs, generator=generator, dtype=torch.float64) + 0.5


def step(net, optimizer, X, y):
    optimizer.zero_grad()
    loss = (net(X) - y).square().sum(1).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def test_it_follows_the_published_recursion():
    """Two steps of the empirical form on one linear layer, in NumPy with the paper's letters."""
    X, y = data()
    net = nn.Linear(3, 2).double()
    W = np.hstack([net.weight.detach().numpy(), net.bias.detach().numpy()[:, None]])
    rate, damping, decay, clip, momentum, shrink = 0.1, 0.01, 0.7, 0.05, 0.8, 0.02
    optimizer = KFAC(net, lr=rate, damping=damping, decay=decay, clip=clip, momentum=momentum, every=1,
                     weight_decay=shrink)  # fmt: skip
    a = np.hstack([X.numpy(), np.ones((32, 1))])
    A, G, m = None, None, np.zeros_like(W)
    for _ in range(4):
        g = 2 * (a @ W.T - y.numpy())
        step(net, optimizer, X, y)
        gradient = g.T @ a / 32
        A = a.T @ a / 32 if A is None else decay * A + (1 - decay) * a.T @ a / 32
        G = g.T @ g / 32 if G is None else decay * G + (1 - decay) * g.T @ g / 32
        pi = np.sqrt((np.trace(A) / 4) / (np.trace(G) / 2))
        delta = np.linalg.inv(G + np.sqrt(damping) / pi * np.eye(2)) @ gradient
        delta = delta @ np.linalg.inv(A + np.sqrt(damping) * pi * np.eye(4))
        nu = min(1, np.sqrt(clip / (rate**2 * (delta * gradient).sum())))
        m = momentum * m + nu * delta
        W = W - rate * (m + shrink * W)
        found = np.hstack([net.weight.detach().numpy(), net.bias.detach().numpy()[:, None]])
        np.testing.assert_allclose(found, W, rtol=1e-10)


def test_on_a_linear_gaussian_model_one_undamped_step_ends_at_least_squares():
    """There the Fisher matrix is the Hessian, so that the natural step of rate 1 is Newton's."""
    X, y = data()
    y = y + 0.3 * torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=y.dtype)
    net = nn.Linear(3, 2).double()
    optimizer = KFAC(net, lr=1.0, loss="squared", damping=1e-18, momentum=0.0, clip=1e9)
    # many draws, so that G is nearly its expectation 2/m I
    for _ in range(3000):
        net(X)
    optimizer.zero_grad()
    (net(X) - y).square().mean().backward()
    optimizer.step()
    design = torch.cat([X, torch.ones(32, 1, dtype=X.dtype)], 1)
    exact = torch.linalg.lstsq(design, y).solution
    found = torch.cat([net.weight, net.bias[:, None]], 1).detach().T
    # G is known to sqrt(2 / 96000) = 0.5 %, and the first weights were at most 5 away
    torch.testing.assert_close(found, exact, rtol=0, atol=0.05)


def test_it_is_ahead_of_sgd_where_the_inputs_are_ill_conditioned():
    X, y = data(64)
    X = X * torch.tensor([30.0, 1.0, 0.03], dtype=X.dtype)
    ends = {}
    for name in ("kfac", "sgd"):
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2)).double()
        optimizer = (
            KFAC(net, lr=0.3, loss="squared", clip=0.1)
            if name == "kfac"
            else torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        )
        losses = [step(net, optimizer, X, y) for _ in range(150)]
        ends[name] = losses[-1]
    assert ends["kfac"] < 0.7 * ends["sgd"]


def test_resumed_bits_are_those_of_the_whole_run():
    X, y = data()
    torch.manual_seed(0)
    start = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    whole, part = (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double() for _ in range(2))
    for net in (whole, part):
        net.load_state_dict(start.state_dict())
    one = KFAC(whole, every=3)
    for _ in range(8):
        step(whole, one, X, y)
    two = KFAC(part, every=3)
    for _ in range(5):
        step(part, two, X, y)
    buffer = io.BytesIO()
    torch.save(two.state_dict(), buffer)
    buffer.seek(0)
    two.remove()
    three = KFAC(part, every=3)
    three.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in range(3):
        step(part, three, X, y)
    assert all(torch.equal(a, b) for a, b in zip(part.parameters(), whole.parameters(), strict=True))


def test_layers_without_bias_or_gradient_and_convolutions_move_as_they_should():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.Flatten(), nn.Linear(8, 1)).double()
    net[2].weight.requires_grad_(False)
    spare = nn.ModuleList([net, nn.Linear(1, 1).double()])
    before = [p.detach().clone() for p in spare.parameters()]
    optimizer = KFAC(spare, lr=0.1)
    X = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    net(X).square().mean().backward()

    def closure():
        return net(X).detach().square().mean()

    assert optimizer.step(closure).item() > 0
    moved = [not torch.equal(p.detach(), old) for p, old in zip(spare.parameters(), before, strict=True)]
    assert moved == [True, False, False, False, False]


def test_a_layer_that_was_not_seen_is_an_error():
    X, y = data()
    net = nn.Linear(3, 2).double()
    optimizer = KFAC(net)
    optimizer.remove()
    with pytest.raises(ArgumentError, match="inputs were seen in training mode"):
        step(net, optimizer, X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, "positive, finite"),
        ({"momentum": 1.0}, "a momentum"),
        ({"damping": 0.0}, "a positive damping"),
        ({"decay": 1.0}, "a decay of the factors"),
        ({"weight_decay": -1.0}, "a weight decay"),
        ({"clip": 0.0}, "a positive bound"),
        ({"every": 0}, "at least 1 step"),
        ({"loss": "hinge"}, "a loss among"),
        ({"params": [nn.Parameter(torch.ones(1))]}, "weights and biases of linear"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        KFAC(nn.Linear(1, 1), **settings)


def test_a_module_without_such_layers_is_refused():
    with pytest.raises(ArgumentError, match="a module with linear or convolution layers"):
        KFAC(nn.GRU(2, 2))
