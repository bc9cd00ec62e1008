"""What a layer costs, against torch's own counter, by hand, and what looking leaves behind."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fivefold.core import ArgumentError
from fivefold.networks.costs import layer_costs
from fivefold.networks.registry import create


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_convolution_by_hand():
    layer = nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, groups=2, bias=False), nn.ReLU(inplace=False))
    whole, conv, relu = layer_costs(layer, (5, 6, 9, 11))
    assert (conv.name, conv.kind, conv.inputs, conv.outputs) == ("0", "Conv2d", (5, 6, 9, 11), (5, 8, 4, 5))
    assert conv.parameters == 8 * 3 * 9
    assert conv.multiply_adds == 5 * 8 * 4 * 5 * 3 * 9
    # read: picture and weights; written: answer; four bytes a number
    assert conv.bytes == 4 * (5 * 6 * 9 * 11 + 8 * 3 * 9 + 5 * 8 * 4 * 5)
    assert (relu.multiply_adds, relu.parameters, relu.bytes) == (0, 0, 4 * 2 * 5 * 8 * 4 * 5)
    assert (whole.multiply_adds, whole.parameters, whole.bytes) == (0, 0, 0)


def test_a_dense_layer_and_halved_numbers_by_hand():
    layer = nn.Linear(7, 3, dtype=torch.float16)
    (cost,) = layer_costs(layer, (4, 7), dtype=torch.float16)
    assert cost.multiply_adds == 4 * 7 * 3
    assert cost.bytes == 2 * (4 * 7 + 7 * 3 + 3 + 4 * 3)


def test_views_move_nothing_and_copies_do():
    whole, layer = layer_costs(nn.Sequential(nn.Linear(4, 4, bias=False)), (2, 5, 4))
    assert layer.bytes + whole.bytes == 4 * (40 + 16 + 40)
    norm = layer_costs(nn.BatchNorm2d(2), (3, 2, 4, 4))[0]
    assert norm.bytes == 4 * (
        2 * 96 + 4 * 2
    )  # picture read and written; two statistics, weight and bias read
    (scale,) = layer_costs(nn.LayerNorm(8), (3, 8))
    assert scale.bytes == 4 * (2 * 24 + 2 * 8)
    (table,) = layer_costs(nn.Embedding(1_000, 4), (2,), dtype=torch.int64)
    assert table.bytes == 4 * (8 + 8) + 8 * 2


class Scores(nn.Module):
    """Attention's scores: each state's product with one question."""

    def __init__(self):
        super().__init__()
        self.question = nn.Parameter(torch.ones(6))

    def forward(self, x):
        return x @ self.question


@pytest.mark.parametrize(("shape", "expected"), [((4, 5, 6), 4 * 5 * 6), ((3, 6), 3 * 6), ((6,), 6)])
def test_products_with_a_vector_count(shape, expected):
    (cost,) = layer_costs(Scores(), shape)
    assert cost.multiply_adds == expected


def test_shared_weights_count_once_and_their_work_twice():
    layer = nn.Linear(4, 4, bias=False)
    costs = layer_costs(nn.Sequential(layer, nn.ReLU(), layer), (2, 4))
    assert sum(c.parameters for c in costs) == 16
    assert sum(c.multiply_adds for c in costs) == 2 * 2 * 16


def test_a_module_with_two_names_and_a_tensor_in_two_modules_keep_their_numbers():
    layer, tied = nn.Linear(4, 4), nn.Linear(4, 4)
    tied.weight = layer.weight
    network = nn.Sequential(layer, nn.BatchNorm1d(4), layer, tied)
    before = dict((*network.named_parameters(), *network.named_buffers()))
    costs = layer_costs(network, (2, 4))
    after = dict((*network.named_parameters(), *network.named_buffers()))
    assert all(after[name] is value for name, value in before.items())
    assert tied.weight is layer.weight
    assert sum(c.multiply_adds for c in costs) == 3 * 2 * 16


def test_the_input_has_the_weights_type():
    (cost,) = layer_costs(nn.Linear(2, 2).double(), (1, 2))
    assert cost.bytes == 8 * (2 + 4 + 2 + 2)


def test_weights_without_a_shape_are_refused():
    with pytest.raises(ArgumentError, match=r"weights with a shape; got 0\.weight"):
        layer_costs(nn.Sequential(nn.LazyLinear(3)), (2, 4))


@pytest.mark.parametrize("name", ["resnet20", "densenet121", "convnext_tiny", "unet", "cortex", "speedrun"])
def test_the_whole_is_what_torchs_counter_says_of_a_real_pass(name):
    small = {"unet": {"width": 4}}.get(name, {})
    network = create(name, classes=5, generator=seeded(), **small).eval()
    x = torch.zeros(2, 3, 48, 48)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    assert sum(c.multiply_adds for c in layer_costs(network, x.shape)) * 2 == counter.get_total_flops()


def test_looking_leaves_modes_statistics_hooks_and_gradients_as_they_were():
    network = create("resnet20", classes=5, generator=seeded())
    network.layer1.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    layer_costs(network, (2, 3, 16, 16))
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert all(p.grad is None and p.device.type == "cpu" for p in network.parameters())


def test_a_picture_that_does_not_fit_leaves_no_hook_either():
    network = create("resnet20", classes=5, generator=seeded())
    with pytest.raises(ArgumentError, match="pictures of shape"):
        layer_costs(network, (2, 4, 16, 16))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert network.training


@pytest.mark.parametrize("shape", [(), (0, 3, 8, 8), (1.5, 2)])
def test_an_empty_shape_is_refused(shape):
    with pytest.raises(ArgumentError, match="whole numbers of at least 1"):
        layer_costs(nn.Linear(2, 2), shape)
