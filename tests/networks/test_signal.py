"""Signal and gradient through the depth: closed forms, measurements of wide networks, weights from data."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.first_weights import fill_weights_
from fivefold.networks.initialization import GAINS
from fivefold.networks.registry import create
from fivefold.networks.signal import fill_from_data_, measure_signal, predict_signal
from fivefold.networks.style import ACTIVATION_LAYERS


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("q", [0.3, 1.0, 4.0])
def test_relu_and_leaky_relu_are_their_closed_forms(q):
    # E[relu(√q z)²] = q / 2 and E[relu'²] = 1 / 2; with slope s below 0, (1 + s²) / 2 of each
    for name, share in (("relu", 0.5), ("leaky_relu", (1 + 0.1**2) / 2), ("linear", 1.0)):
        first, second = predict_signal(name, 2, weight_variance=1.7, bias_variance=0.2, start=q)
        assert second.mean_square == pytest.approx(1.7 * share * q + 0.2, rel=1e-12)
        # the node on relu's kink weighs 1 / 400 of a standard deviation's density: 1e-3 of the slope
        assert first.gradient_factor == pytest.approx(1.7 * share, rel=2e-3)


def test_gelu_is_the_mean_over_quantiles():
    # gelu(z) = z Φ(z) with Φ(z) = u uniform on (0, 1): the mean over a million quantiles
    u = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    z = math.sqrt(2) * torch.erfinv(2 * u - 1)
    expected = (z * u).square().mean().item()  # Φ(z) = u
    assert predict_signal("gelu", 2, weight_variance=1.0)[1].mean_square == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ACTIVATION_LAYERS)
def test_predictions_are_what_wide_networks_show(name):
    width, depth, variance, bias = 1_000, 6, 1.8, 0.1
    layers = []
    for _ in range(depth):
        layer = nn.Linear(width, width).double()
        with torch.no_grad():
            layer.weight.normal_(0, math.sqrt(variance / width), generator=seeded(len(layers)))
            layer.bias.normal_(0, math.sqrt(bias), generator=seeded(100 + len(layers)))
        layers += [layer, ACTIVATION_LAYERS[name]()]
    x = torch.randn(32, width, generator=seeded(999), dtype=torch.float64) * math.sqrt(0.9 / variance)
    measured = measure_signal(nn.Sequential(*layers[:-1]), x)
    predicted = predict_signal(name, depth, weight_variance=variance, bias_variance=bias, start=1.0)
    for m, p in zip(measured, predicted, strict=True):
        # the mean square of 32,000 dependent sums; the spread between draws is about sqrt(2 / 1,000) a layer
        assert m.mean_square == pytest.approx(p.mean_square, rel=0.15)
    for i in range(depth - 1):
        factor = measured[i].gradient_mean_square / measured[i + 1].gradient_mean_square
        assert factor == pytest.approx(predicted[i].gradient_factor, rel=0.15)


def test_the_gains_of_first_weights_are_these_moments():
    for name, gain in GAINS.items():
        if name in ACTIVATION_LAYERS:
            moment = predict_signal(name, 2, weight_variance=1.0)[1].mean_square
            assert gain == pytest.approx(moment**-0.5, rel=1e-3)  # silu and gelu are written with five digits


def test_a_sigmoid_loses_the_gradient_and_relu_under_he_does_not():
    assert predict_signal("sigmoid", 10, weight_variance=1.0)[-1].gradient_factor < 0.07
    assert predict_signal("relu", 10, weight_variance=2.0)[-1].gradient_factor == pytest.approx(1.0, rel=2e-3)


def test_measuring_leaves_gradients_statistics_and_hooks_alone():
    network = create("resnet20", classes=5, generator=seeded())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layers = measure_signal(network, torch.randn(4, 3, 16, 16, generator=seeded(1)))
    assert len(layers) == 20
    assert all(math.isfinite(layer.mean_square) for layer in layers)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert not any(m._forward_hooks for m in network.modules())
    assert network.training


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_weights_from_data_give_every_layer_variance_one_where_the_rule_does_not(activation):
    def plain():
        make = ACTIVATION_LAYERS[activation]
        layers = [nn.Conv2d(3, 16, 3), make()]
        for _ in range(6):
            layers += [nn.Conv2d(16, 16, 3, padding=1), make()]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 64, 4))

    x = 5 + 0.2 * torch.randn(16, 3, 10, 10, generator=seeded(1))
    network = plain()
    assert fill_from_data_(network, x, seeded()) == []

    def variances(of):
        found = []
        handles = [
            m.register_forward_hook(lambda _m, _i, y: found.append(y.var().item()))
            for m in of
            if isinstance(m, (nn.Conv2d, nn.Linear))
        ]
        of(x)
        for handle in handles:
            handle.remove()
        return found

    assert all(abs(v - 1) < 0.011 for v in variances(network))
    ruled = plain()
    fill_weights_(ruled, activation, seeded())
    assert any(abs(v - 1) > 0.3 for v in variances(ruled)[:-1])


def test_weights_from_data_belong_to_the_generator_and_name_constant_layers():
    x = torch.randn(8, 3, 16, 16, generator=seeded(1))
    one, two = (
        create("resnet20", classes=5, generator=seeded()),
        create("resnet20", classes=5, generator=seeded(7)),
    )
    fill_from_data_(one, x, seeded(3))
    fill_from_data_(two, x, seeded(3))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    dead = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert fill_from_data_(dead, torch.zeros(5, 3), seeded()) == ["0", "2"]


def test_what_has_no_layer_or_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="a dense or a convolutional layer"):
        fill_from_data_(nn.ReLU(), torch.ones(2))
    with pytest.raises(ArgumentError, match="a dense or a convolutional layer"):
        measure_signal(nn.ReLU(), torch.ones(2))
    with pytest.raises(ArgumentError, match="tolerance"):
        fill_from_data_(nn.Linear(2, 2), torch.ones(2, 2), tolerance=0.0)
    for wrong, said in [
        ({"activation": "swish"}, "an activation among"),
        ({"depth": 0}, "at least 1 layer"),
        ({"weight_variance": 0.0}, "variance of the weights"),
        ({"bias_variance": -1.0}, "variance of the biases"),
        ({"start": 0.0}, "at the start"),
    ]:
        with pytest.raises(ArgumentError, match=said):
            predict_signal(**{"activation": "relu", "depth": 2, "weight_variance": 1.0, **wrong})
