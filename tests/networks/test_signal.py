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
from fivefold.networks.style import ACTIVATIONS, activation_layer


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("q", [0.3, 1.0, 4.0])
def test_relu_and_leaky_relu_are_their_closed_forms(q):
    # E[relu(√q z)²] = q / 2 and E[relu'²] = 1 / 2; with slope s below 0, (1 + s²) / 2 of each
    for name, share in (("relu", 0.5), ("leaky_relu", (1 + 0.1**2) / 2), ("linear", 1.0)):
        first, second = predict_signal(name, 2, weight_variance=1.7, bias_variance=0.2, start=q)
        assert second.mean_square == pytest.approx(1.7 * share * q + 0.2, rel=1e-12)
        assert first.gradient_factor == pytest.approx(1.7 * share, rel=1e-12)


def test_gelu_is_the_mean_over_quantiles():
    # gelu(z) = z Φ(z) with Φ(z) = u uniform on (0, 1): the mean over a million quantiles
    u = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    z = math.sqrt(2) * torch.erfinv(2 * u - 1)
    expected = (z * u).square().mean().item()  # Φ(z) = u
    assert predict_signal("gelu", 2, weight_variance=1.0)[1].mean_square == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_predictions_are_what_wide_networks_show(name):
    width, depth, variance, bias = 1_000, 6, 1.8, 0.1
    layers = []
    for _ in range(depth):
        layer = nn.Linear(width, width).double()
        with torch.no_grad():
            layer.weight.normal_(0, math.sqrt(variance / width), generator=seeded(len(layers)))
            layer.bias.normal_(0, math.sqrt(bias), generator=seeded(100 + len(layers)))
        layers += [layer, activation_layer(name, in_place=True)]
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
        if name in ACTIVATIONS:
            moment = predict_signal(name, 2, weight_variance=1.0)[1].mean_square
            assert gain == pytest.approx(moment**-0.5, rel=1e-3)  # silu and gelu are written with five digits


def test_any_scale_is_resolved():
    # E[sech⁴(√q z)] for large q: the density at 0 times the integral of sech⁴, 4/3
    factor = predict_signal("tanh", 1, weight_variance=1.0, start=1e6)[0].gradient_factor
    assert factor == pytest.approx(4 / 3 / math.sqrt(2 * math.pi * 1e6), rel=1e-5)


def test_a_sigmoid_loses_the_gradient_and_relu_under_he_does_not():
    assert predict_signal("sigmoid", 10, weight_variance=1.0)[-1].gradient_factor < 0.07
    assert predict_signal("relu", 10, weight_variance=2.0)[-1].gradient_factor == pytest.approx(
        1.0, rel=1e-12
    )


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
        def make():
            return activation_layer(activation, in_place=True)

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


def test_sums_that_vary_by_rounding_alone_are_constant():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(8, 1, 3, padding=1, padding_mode="circular"),
    )
    same = torch.full((4, 3, 8, 8), 0.37)
    # the second layer's sums vary by rounding alone; dividing by that gave weights of 4e7
    assert "2" in fill_from_data_(network, same, seeded())
    assert max(p.abs().max().item() for p in network.parameters()) < 100


def test_weights_from_data_ignore_dropout_and_leave_frozen_weights():
    def filled(seed):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 30))
        network[0].weight.requires_grad_(False)
        with torch.no_grad():
            network[0].weight.fill_(0.1)
            network[0].bias.zero_()
        fill_from_data_(network, torch.randn(200, 20, generator=seeded(1)), seeded(2))
        return network

    one, two = filled(0), filled(1)
    assert torch.equal(one[3].weight, two[3].weight)
    assert one[2].training
    assert (one[0].weight == 0.1).all()
    x = torch.randn(200, 20, generator=seeded(1))
    assert one.eval()(x).var().item() == pytest.approx(1.0, abs=0.011)


def test_measuring_sees_through_frozen_layers_shared_layers_and_half_precision():
    shared = nn.Linear(6, 6)
    network = nn.Sequential(shared, nn.ReLU(), shared, nn.Dropout(0.5))
    for p in shared.parameters():
        p.requires_grad_(False)
    x = torch.randn(9, 6, generator=seeded(1))
    one, two = measure_signal(network, x), measure_signal(network, x)
    assert [layer.name for layer in one] == ["0", "0"]
    assert one == two
    assert all(layer.gradient_mean_square > 0 for layer in one)
    big = measure_signal(nn.Linear(4, 4).half(), torch.full((2, 4), 3000.0).half())
    assert math.isfinite(big[0].mean_square)


class Reassigning(nn.Module):
    """Keeps a running mean by giving its buffer a new tensor."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, x):
        self.mean = 0.9 * self.mean + x.detach().mean(0)
        return self.layer(x)


def test_buffers_that_are_reassigned_are_put_back():
    network = Reassigning()
    before = network.mean
    measure_signal(network, torch.ones(3, 2))
    assert network.mean is before
    assert not network.mean.any()


def test_what_has_no_layer_or_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="a dense or a convolutional layer"):
        fill_from_data_(nn.ReLU(), torch.ones(2))
    with pytest.raises(ArgumentError, match="a dense or a convolutional layer"):
        measure_signal(nn.ReLU(), torch.ones(2))
    with pytest.raises(ArgumentError, match="finite sums at 0"):
        fill_from_data_(nn.Sequential(nn.Linear(2, 2)), torch.full((3, 2), math.nan))
    with pytest.raises(ArgumentError, match="answers with one tensor"):
        measure_signal(nn.LSTM(2, 2), torch.ones(1, 2))
    with pytest.raises(ArgumentError, match="leaves the range of numbers"):
        predict_signal("linear", 3000, weight_variance=2.0)
    with pytest.raises(ArgumentError, match="tolerance"):
        fill_from_data_(nn.Linear(2, 2), torch.ones(2, 2), tolerance=0.0)
    for wrong, said in [
        ({"activation": "swish"}, "an activation among"),
        ({"depth": 0}, "at least 1 layer"),
        ({"weight_variance": 0.0}, "variance of the weights"),
        ({"weight_variance": math.inf}, "variance of the weights"),
        ({"bias_variance": -1.0}, "variance of the biases"),
        ({"start": 0.0}, "at the start"),
    ]:
        with pytest.raises(ArgumentError, match=said):
            predict_signal(**{"activation": "relu", "depth": 2, "weight_variance": 1.0, **wrong})
