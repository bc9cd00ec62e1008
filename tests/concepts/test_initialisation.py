"""Initialisation: wide torch networks keep the sizes that one integral foretells; our rooms' gains."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from fivefold.concepts.initialisation import gain, gaussian_mean, relu_agreement, signal, slope_factor
from fivefold.networks.initialization import GAINS

WIDTH = 1500


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


def tanh_slope(z: np.ndarray) -> np.ndarray:
    return 1.0 - np.tanh(z) ** 2


@pytest.mark.parametrize(("name", "variance"), [("relu", 2.0), ("relu", 1.2), ("tanh", 1.0), ("tanh", 4.0)])
def test_fast_path(name: str, variance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    bend = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[name]
    layers = [torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(6)]
    for layer in layers:
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)  # variance 2/n
        with torch.no_grad():
            layer.weight.mul_((variance / 2.0) ** 0.5)
    z = torch.randn(8, WIDTH, generator=generator, requires_grad=True)
    sums = [z]
    for layer in layers:
        sums.append(layer(bend()(sums[-1])))
    slope = torch.randn(8, WIDTH, generator=generator)
    back = torch.autograd.grad((sums[-1] * slope).sum(), sums)
    phi, slope_of = (relu, np.heaviside) if name == "relu" else (np.tanh, tanh_slope)
    q = signal(phi, variance, 6)
    seen = [float(each.detach().square().mean()) for each in sums]
    np.testing.assert_allclose(seen, q, rtol=0.15)  # a layer of n relu units adds √(5/n), 6%; six of them 14%
    expected = 1.0
    for at in range(5, -1, -1):
        derivative = (lambda x: np.heaviside(x, 0.5)) if slope_of is np.heaviside else slope_of
        expected *= slope_factor(derivative, variance, q[at])
        assert float(back[at].square().mean()) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("name", ["relu", "tanh", "silu", "gelu", "selu", "linear"])
def test_our_networks_use_this_gain(name: str) -> None:
    bend = (lambda z: z) if name == "linear" else getattr(torch.nn.functional, name)
    found = gain(lambda z: bend(torch.from_numpy(z)).numpy())
    assert found == pytest.approx(GAINS[name], abs=1e-4)


def test_torch_s_gain_for_relu() -> None:
    assert gain(relu) == pytest.approx(torch.nn.init.calculate_gain("relu"), rel=1e-12)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 4.0])
def test_the_integral_is_scipy_s(deviation: float) -> None:
    def weighed(z: float) -> float:
        return float(np.tanh(deviation * z) ** 2 * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))

    found = gaussian_mean(lambda z: np.tanh(z) ** 2, deviation)
    assert found == pytest.approx(quad(weighed, -12, 12, epsabs=1e-13)[0], abs=1e-9)
    assert slope_factor(lambda z: (z > 0) * 1.0, 2.0, deviation) == pytest.approx(1.0, abs=1e-12)


def test_relu_layers_pull_rows_together() -> None:
    generator = np.random.default_rng(0)
    W = generator.normal(size=(200000, 2))
    for cosine in (-0.5, 0.0, 0.8):
        a, b = relu(W[:, 0]), relu(W @ np.array([cosine, np.sqrt(1 - cosine**2)]))
        seen = np.mean(a * b) / np.sqrt(np.mean(a * a) * np.mean(b * b))
        assert relu_agreement(np.array(cosine)) == pytest.approx(seen, abs=0.01)
    c = np.array(0.0)
    for _ in range(2000):
        c = relu_agreement(c)
    # 1 − c falls as 9π²/2l²: relu's map touches the diagonal with 1 − c′ = (1 − c) − (2√2/3π)(1 − c)^(3/2)
    assert (1.0 - c) * 2000**2 == pytest.approx(4.5 * np.pi**2, rel=0.03)
