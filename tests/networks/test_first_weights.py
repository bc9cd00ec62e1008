"""First weights: variances kept through the depth, and what differs from the rule."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.first_weights import fan_in, fill_weights_


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("activation", "module"), [("relu", nn.ReLU), ("gelu", nn.GELU), ("silu", nn.SiLU), ("tanh", nn.Tanh)]
)
def test_the_mean_square_of_the_sums_stays_through_the_depth(activation, module):
    layers = []
    for _ in range(6):
        layers += [nn.Conv2d(64, 64, 3, padding=1, padding_mode="circular"), module()]
    network = nn.Sequential(*layers, nn.Linear(2, 2)).double()
    fill_weights_(network, activation, seeded())
    x = torch.randn(4, 64, 12, 12, generator=seeded(1), dtype=torch.float64)
    x = network[0](x)
    first = (x / x.std()).square().mean()
    x = x / x.std()
    for layer in list(network)[1:-2]:
        x = layer(x)
    # ten layers: a gain wrong by 10% would change the mean square by 1.1^10 = 2.6
    assert 0.6 < (x.square().mean() / first).item() < 1.6


@pytest.mark.parametrize(
    "layer",
    [nn.ConvTranspose2d(32, 48, 2, 2), nn.ConvTranspose2d(32, 48, 4, 2, 1), nn.Conv2d(32, 32, 3, groups=8)],
)
def test_fan_in_is_the_number_of_inputs_of_a_sum(layer):
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    answer = layer(torch.ones(1, 32, 8, 8))[0, 0]
    assert answer[answer.shape[0] // 2, answer.shape[1] // 2].item() == fan_in(layer)


def test_fan_in_of_what_has_no_weights_is_refused():
    with pytest.raises(ArgumentError, match="a dense or a convolutional layer"):
        fan_in(nn.ReLU())


def test_the_last_layer_begins_small_and_statistics_begin_anew():
    network = nn.Sequential(nn.Linear(200, 200), nn.BatchNorm1d(200), nn.Linear(200, 50))
    network[1].running_mean.fill_(3.0)
    fill_weights_(network, "relu", seeded())
    assert network[2].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not network[2].bias.any()
    assert not network[1].running_mean.any()
