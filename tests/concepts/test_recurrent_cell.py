"""The recurrent cells: torch's RNN and GRU, their slopes through time, and what a gate keeps."""

import numpy as np
import pytest
import torch

from fivefold.concepts.recurrent_cell import gated, plain, through_time

STEPS, INPUTS, UNITS = 14, 3, 5


def cell(kind: type[torch.nn.RNNBase]) -> tuple[torch.nn.RNNBase, torch.Tensor, torch.Tensor]:
    """A torch cell with random weights, inputs and a first state, none of them near zero."""
    generator = torch.Generator().manual_seed(0)
    found = kind(INPUTS, UNITS).double()
    with torch.no_grad():
        for weight in found.parameters():
            weight.normal_(0.1, 0.5, generator=generator)
    x = torch.randn(STEPS, INPUTS, generator=generator, dtype=torch.float64)
    return found, x, torch.randn(1, UNITS, generator=generator, dtype=torch.float64)


def arrays(found: torch.nn.RNNBase) -> list[np.ndarray]:
    return [weight.detach().numpy() for weight in found.parameters()]


def test_fast_path() -> None:
    torch_cell, x, h = cell(torch.nn.RNN)
    W, U, b, c = arrays(torch_cell)
    seen = plain(x.numpy(), h.numpy()[0], W, U, b + c)
    np.testing.assert_array_equal(seen[0], h.numpy()[0])
    # The same sums in another order: a few roundings a step.
    np.testing.assert_allclose(seen[1:], torch_cell(x, h)[0].detach().numpy(), rtol=1e-12, atol=1e-13)
    torch_cell, x, h = cell(torch.nn.GRU)
    seen = gated(x.numpy(), h.numpy()[0], *arrays(torch_cell))
    np.testing.assert_allclose(seen[1:], torch_cell(x, h)[0].detach().numpy(), rtol=1e-12, atol=1e-13)


def test_the_slopes_are_torch_s() -> None:
    torch_cell, x, h = cell(torch.nn.RNN)
    W, U, b, c = arrays(torch_cell)
    h.requires_grad_()
    answer = torch_cell(x, h)[0]
    answer.retain_grad()
    target = torch.linspace(-1.0, 1.0, STEPS * UNITS, dtype=torch.float64).reshape(STEPS, UNITS)
    (0.5 * (answer - target).square().sum()).backward()
    states = plain(x.numpy(), h.detach().numpy()[0], W, U, b + c)
    direct = np.vstack([np.zeros((1, UNITS)), states[1:] - target.numpy()])
    d, dW, dU, db = through_time(x.numpy(), states, U, direct)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")
    for found, name in zip((dW, dU, db), names, strict=True):
        np.testing.assert_allclose(found, getattr(torch_cell, name).grad.numpy(), rtol=1e-10, atol=1e-12)
    assert h.grad is not None
    np.testing.assert_allclose(d[0], h.grad.numpy()[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(direct[0], np.zeros(UNITS))  # the caller's slopes stay as they were


def test_the_slope_over_a_lag_is_a_product() -> None:
    u, T = 1.4, 9
    h = plain(np.zeros((T, 1)), np.array([0.3]), np.eye(1), u * np.eye(1), np.zeros(1))
    d = through_time(np.zeros((T, 1)), h, u * np.eye(1), np.eye(T + 1)[-1:].T)[0]
    assert d[0, 0] == pytest.approx(np.prod(u * (1.0 - h[1:, 0] ** 2)), rel=1e-13)


@pytest.mark.parametrize("bias", [-1.0, 2.0, 5.0])
def test_a_closed_gate_forgets_by_the_same_factor_each_step(bias: float) -> None:
    U = np.zeros((6, 2))
    h = gated(
        np.zeros((20, 1)), np.array([0.7, -0.4]), np.zeros((6, 1)), U, np.repeat([0, bias, 0], 2), U[:, 0]
    )
    z = 1.0 / (1.0 + np.exp(-bias))
    np.testing.assert_allclose(h, np.outer(z ** np.arange(21), [0.7, -0.4]), rtol=1e-12)


def test_the_reset_gate_stands_outside_the_product() -> None:
    # With r = 0 nothing of the old state enters n; with r after U, the bias c goes with it too.
    b, c = np.array([-800.0, -800.0, 0.2]), np.array([0.0, 0.0, 5.0])
    with np.errstate(over="ignore"):
        h = gated(np.zeros((1, 1)), np.array([0.9]), np.zeros((3, 1)), np.ones((3, 1)), b, c)
    assert h[1, 0] == pytest.approx(np.tanh(0.2), rel=1e-12)
