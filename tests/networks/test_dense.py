"""The dense network: shapes, first weights, randomness, errors."""

import pytest
import torch

import fivefold.networks
from fivefold.core import ArgumentError
from fivefold.networks import ACTIVATIONS, DenseNetwork


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_network_without_hidden_layers_is_affine():
    network = DenseNetwork(3, 2, (), generator=seeded()).double()
    x, y = torch.randn(4, 3, generator=seeded(1)).double(), torch.randn(4, 3, generator=seeded(2)).double()
    at = network(torch.zeros(4, 3, dtype=torch.float64))
    torch.testing.assert_close(network(x + 2 * y) - at, network(x) - at + 2 * (network(y) - at))


def test_scaling_by_two_equals_inputs_doubled():
    network = DenseNetwork(3, 1, (8,), scaling=True, generator=seeded())
    x = torch.randn(5, 3, generator=seeded(1))
    before = network(2 * x)
    with torch.no_grad():
        network.scale.fill_(2.0)
    torch.testing.assert_close(network(x), before)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_first_weights_keep_the_variance_through_the_depth(activation):
    # 4 hidden layers: a gain wrong by 10% would move the mean square by a factor of 1.1^8 = 2.1
    squares = []
    for seed in range(4):
        network = DenseNetwork(256, 256, (256,) * 4, activation, generator=seeded(seed)).double()
        for layer in network.layers:
            torch.nn.init.zeros_(layer.bias)
        x = torch.randn(64, 256, generator=seeded(10 + seed)).double()
        squares.append(network(x).detach().square().mean())
    assert 0.7 < torch.stack(squares).mean().item() < 1.4


def test_the_same_generator_gives_the_same_weights_and_no_global_stream_moves():
    before = torch.get_rng_state()
    one, two = DenseNetwork(3, 1, generator=seeded(5)), DenseNetwork(3, 1, generator=seeded(5))
    other = DenseNetwork(3, 1, generator=seeded(6))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.layers[0].weight, other.layers[0].weight)


def test_dropout_acts_in_training_only():
    network = DenseNetwork(3, 1, (64,), dropout=0.5, generator=seeded())
    x = torch.ones(10, 3)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))


def test_record_makes_a_network_of_the_same_shape():
    network = DenseNetwork(3, 2, (5, 4), "selu", 0.25, scaling=True)
    assert DenseNetwork(**network.to_record()).to_record() == network.to_record()
    assert {k: v.shape for k, v in network.arrays().items()} == {
        "scale": (3,),
        "weight.0": (3, 5),
        "bias.0": (5,),
        "weight.1": (5, 4),
        "bias.1": (4,),
        "weight.2": (4, 2),
        "bias.2": (2,),
    }


def test_arrays_are_copies():
    network = DenseNetwork(2, 1, ())
    network.arrays()["weight.0"][:] = 7
    assert network.layers[0].weight.max() != 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "at least 1 input"),
        ((1, 0), "at least 1 output"),
        ((1, 1, (4, 0)), "widths of at least 1"),
        ((1, 1, (4,), "swish"), "an activation among"),
        ((1, 1, (4,), "relu", 1.0), "a dropout in"),
    ],
)
def test_bad_sizes_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        DenseNetwork(*arguments)


def test_the_room_lists_its_names_and_refuses_others():
    assert dir(fivefold.networks) == sorted(fivefold.networks.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fivefold.networks.nothing
