"""Activations: against torch, and the vanishing gradient at the rate of its bound."""

import numpy as np
import pytest
import torch

from fivefold.concepts.activation_functions import activate, gradient_by_layer
from fivefold.concepts.derivative import central_difference

NAMES = ("sigmoid", "tanh", "relu", "silu")
Z = np.array([-30.0, -4.0, -1.3, -0.2, 0.1, 0.9, 3.7, 30.0])


def fast(name: str, z: torch.Tensor) -> torch.Tensor:
    functions = {"sigmoid": torch.nn.functional.sigmoid, "tanh": torch.nn.functional.tanh}
    functions |= {"relu": torch.nn.functional.relu, "silu": torch.nn.functional.silu}
    return functions[name](z)


@pytest.mark.parametrize("name", NAMES)
def test_fast_path(name: str) -> None:
    z = torch.tensor(Z, requires_grad=True)
    expected = fast(name, z)
    (slope,) = torch.autograd.grad(expected.sum(), z)
    value, own_slope = activate(name, Z)
    # Absolute: the sigmoid by way of tanh loses relative digits where it is below 1e-12.
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(own_slope, slope.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_the_derivatives(name: str) -> None:
    for z in (-2.0, -0.5, 0.7, 3.0):
        difference = central_difference(lambda t: float(activate(name, np.array([t]))[0][0]), z, 1e-5)
        assert activate(name, np.array([z]))[1][0] == pytest.approx(difference, abs=1e-9)


def test_the_sigmoid_passes_at_most_a_quarter() -> None:
    z = np.linspace(-8, 8, 2001)
    assert activate("sigmoid", z)[1].max() == 0.25
    assert activate("tanh", z)[1].max() == 1.0


def test_far_out_nothing_overflows() -> None:
    for name in NAMES:
        value, slope = activate(name, np.array([-1e4, 1e4]))
        assert np.all(np.isfinite(value))
        assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_by_layer_against_autograd(name: str) -> None:
    generator = np.random.default_rng(17)
    weights = [generator.normal(size=(4, 4)) for _ in range(5)]
    x = generator.normal(size=(3, 4))
    a, zs = torch.tensor(x), []
    for W in weights:
        z = (a @ torch.tensor(W)).requires_grad_()
        z.retain_grad()
        zs.append(z)
        a = fast(name, z)
    g = torch.cos(torch.arange(12.0, dtype=torch.float64)).reshape(3, 4)
    (a * g).sum().backward()
    expected = [float(z.grad.norm() / g.norm()) for z in zs if z.grad is not None]
    np.testing.assert_allclose(gradient_by_layer(name, weights, x), expected, rtol=1e-11)


def test_the_sigmoid_s_gradient_vanishes_with_depth() -> None:
    generator = np.random.default_rng(19)
    x = generator.normal(size=(8, 16))
    orthogonal = [np.linalg.qr(generator.normal(size=(16, 16)))[0] for _ in range(20)]
    sigmoid = gradient_by_layer("sigmoid", orthogonal, x)
    tanh = gradient_by_layer("tanh", orthogonal, x)
    # Orthogonal weights keep lengths, so a layer multiplies by σ′ ≤ 1/4 at most.
    assert np.all(sigmoid <= 0.25 ** np.arange(20, 0, -1) * (1 + 1e-12))
    assert sigmoid[0] < 1e-12
    assert tanh[0] > 1e-2


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="sigmoid, tanh, relu or silu; got 'step'"):
        activate("step", Z)
