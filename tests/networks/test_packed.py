"""Packed convolutions answer as the layers they hold, and only where they may."""

import copy

import pytest
import torch
from torch import nn

from fivefold.networks.packed import LEAST_BYTES, PackedConv2d, pack_convolutions


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(256, 300, 3, stride=2, padding=1),
        nn.Conv2d(512, 512, 1, bias=False),
        nn.Conv2d(256, 512, (3, 5), padding=(0, 2), dilation=(2, 1), groups=2),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_the_answer_is_the_layers(layer, last):
    layer = copy.deepcopy(layer)
    x = torch.randn(2, layer.in_channels, 12, 12)
    if last:
        x = x.to(memory_format=torch.channels_last)
    made = pack_convolutions(nn.Sequential(layer), x)
    assert isinstance(made[0], PackedConv2d)
    with torch.no_grad():
        for given in (x, x[:1], torch.randn(3, layer.in_channels, 9, 14)):  # other shapes, too
            torch.testing.assert_close(made(given), layer(given), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(copy.deepcopy(made)(x), layer(x), rtol=1e-4, atol=1e-4)
        assert torch.equal(made.double()(x.double()), layer.double()(x.double()))


def test_gradients_flow_through_the_layer():
    made = PackedConv2d(nn.Conv2d(256, 256, 3), torch.Size([1, 256, 5, 5]))
    made(torch.randn(1, 256, 5, 5)).sum().backward()
    assert made.layer.weight.grad is not None


def test_the_network_stays_and_what_is_small_or_odd_is_left():
    large = nn.Conv2d(256, 256, 3, padding="same")
    network = nn.Sequential(nn.Conv2d(3, 256, 3), large, nn.BatchNorm2d(256)).train()
    assert network[0].weight.nbytes < LEAST_BYTES
    x = torch.randn(2, 3, 9, 9)
    assert pack_convolutions(network, x) is None  # padding by name
    network[1] = nn.Conv2d(256, 256, 3)
    before = copy.deepcopy(network.state_dict())
    made = pack_convolutions(network, x)
    assert [type(m).__name__ for m in made] == ["Conv2d", "PackedConv2d", "BatchNorm2d"]
    assert made.training
    assert made[2].training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert pack_convolutions(network.double(), x.double()) is None
