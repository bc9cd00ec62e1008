"""Gradient noise: per-row gradients by torch, both ways to the noise scale, and what a batch gains."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, vmap

from fivefold.concepts.gradient_noise import expected_gain, from_two_batches, noise_scale, share_of_the_gain
from fivefold.concepts.stochastic_gradient_descent import gradient_noise
from fivefold.theory import gradient_noise as gradient_noise_of

GENERATOR = np.random.default_rng(0)
X, W = GENERATOR.normal(size=(40, 3)) * np.array([1.0, 2.0, 0.5]), np.array([0.5, -1.0, 2.0])
Y = X @ np.array([1.0, 1.0, -1.0]) + GENERATOR.normal(size=40)
ROWS = (X @ W - Y)[:, None] * X  # of ½ (x w − y)²
H = X.T @ X / 40


def test_fast_path() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    weights = {name: each.detach() for name, each in net.named_parameters()}

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (functional_call(net, values, (x[None],))[0, 0] - y).square()

    each = vmap(grad(loss), (None, 0, 0))(weights, torch.tensor(X), torch.tensor(Y))
    rows = torch.cat([value.reshape(40, -1) for value in each.values()], dim=1)
    (net(torch.tensor(X))[:, 0] - torch.tensor(Y)).square().mean().backward()
    whole = torch.cat([p.grad.reshape(-1) for p in net.parameters() if p.grad is not None])
    trace = float(torch.cov(rows.T, correction=0).trace())
    assert noise_scale(rows.numpy()) == pytest.approx(trace / float(whole @ whole), rel=1e-10)
    data = torch.tensor(X), torch.tensor(Y)[:, None]
    fast = gradient_noise_of(net, torch.nn.MSELoss(), data, group=1)  # batches of one, and of all 40
    signal, spread = from_two_batches(float(rows.square().sum(1).mean()), float(whole @ whole), 1, 40)
    assert (fast.signal, fast.trace) == pytest.approx((signal, spread), rel=1e-10)


def test_the_noise_is_that_of_stochastic_gradient_descent() -> None:
    G = ROWS.mean(axis=0)
    one = gradient_noise(ROWS, 1)  # without repeats a batch of one is as with them
    assert noise_scale(ROWS) == pytest.approx(one / float(G @ G), rel=1e-12)


def test_two_batches_tell_the_same_without_bias() -> None:
    G, draws = ROWS.mean(axis=0), np.random.default_rng(1).integers(40, size=(40000, 12))
    small, large = ROWS[draws[:, :2]].mean(axis=1), ROWS[draws].mean(axis=1)
    pairs = np.array(
        [from_two_batches(float(a @ a), float(b @ b), 2, 12) for a, b in zip(small, large, strict=True)]
    )
    error = pairs.std(axis=0) / np.sqrt(len(pairs))
    expected = np.array([G @ G, noise_scale(ROWS) * (G @ G)])
    assert np.all(np.abs(pairs.mean(axis=0) - expected) < 4 * error)
    assert np.all(error < 0.03 * expected)


@pytest.mark.parametrize("batch", [1, 5, 30])
def test_a_step_gains_so_much(batch: int) -> None:
    G, scale = ROWS.mean(axis=0), noise_scale(ROWS, H)
    share = float(share_of_the_gain(np.array(float(batch)), scale))
    most = float(G @ G) / float(G @ H @ G)
    draws = np.random.default_rng(batch).integers(40, size=(60000, batch))
    g = ROWS[draws].mean(axis=1)
    gains = {}
    for rate in (0.5 * share * most, share * most, 1.5 * share * most):
        won = rate * g @ G - 0.5 * rate**2 * np.sum(g @ H * g, axis=1)
        gains[rate] = expected_gain(G, H, scale, batch, rate)
        assert gains[rate] == pytest.approx(won.mean(), abs=4 * won.std() / np.sqrt(len(won)))
    assert max(gains, key=gains.__getitem__) == share * most
    full = 0.5 * float(G @ G) ** 2 / float(G @ H @ G)
    assert gains[share * most] == pytest.approx(share * full, rel=1e-12)
