"""Networks of genomes: shapes, counts against sums by hand, first weights, gradients everywhere."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.phenotype import build
from fivefold.tasks.images.design.presets import published, scaled

SPACE = scaled(28, 28, pictures=5000, seconds=10.0)


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_any_genome_gives_one_output_for_each_class(rng):
    """10 random genomes on pictures that are not square; every parameter gets a gradient."""
    for _ in range(10):
        genome = SPACE.draw(rng)
        network = build(genome, SPACE, classes=3, channels=2, generator=torch.Generator().manual_seed(1))
        x = torch.randn(2, 2, 28, 33)
        out = network(x)
        assert out.shape == (2, 3)
        out.square().sum().backward()
        assert all(p.grad is not None for p in network.parameters())
        stages = network.intermediate(x)
        assert len(stages) == len(genome.units) + 1
        assert list(stages.values())[-1].shape[2] == 28 // 2**genome.pools


def test_parameters_of_a_residual_unit_by_hand():
    """Stem 1 -> 8, then two basic blocks of 16: 3x3 convolutions, a 1x1 shortcut, two numbers a channel."""
    network = build(Genome.from_key("R:basic:16:2"), SPACE, classes=10, channels=1, device="meta")
    stem = 9 * 8 + 2 * 8
    first = 9 * 8 * 16 + 9 * 16 * 16 + 8 * 16 + 3 * 2 * 16
    second = 2 * 9 * 16 * 16 + 2 * 2 * 16
    assert count(network) == stem + first + second + 16 * 10 + 10


def test_parameters_of_a_published_bottleneck_by_hand():
    """64 channels in and out, 16 among them: 1x1, 3x3, 1x1, three times, no shortcut needed."""
    network = build(
        Genome.from_key("R:bottleneck:64:3"), published(32), classes=10, channels=3, device="meta"
    )
    stem = 27 * 64 + 2 * 64
    block = 64 * 16 + 9 * 16 * 16 + 16 * 64 + 2 * (16 + 16 + 64)
    assert count(network) == stem + 3 * block + 64 * 10 + 10


def test_a_dense_unit_brings_its_inputs_down_to_the_cap():
    """Stem 64; growth 40 takes 32 channels at most and adds 3 x 40."""
    network = build(Genome.from_key("D:40:3"), published(32), classes=2, channels=3, device="meta")
    assert network.classifier.in_features == 32 + 3 * 40
    wide = build(Genome.from_key("D:12:3"), published(32), classes=2, channels=3, device="meta")
    assert wide.classifier.in_features == 64 + 3 * 12


def test_weights_come_from_the_generator_alone():
    genome = Genome.from_key("R:basic:16:1|P:max|D:4:2")
    one, other, third = (
        build(genome, SPACE, classes=2, channels=1, generator=torch.Generator().manual_seed(s))
        for s in (1, 1, 2)
    )
    states = [network.state_dict() for network in (one, other, third)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_a_genome_of_another_space_is_refused():
    with pytest.raises(ArgumentError, match="out of range"):
        build(Genome.from_key("D:40:3"), SPACE, classes=2, channels=1)


def test_pictures_that_the_poolings_use_up_are_refused():
    network = build(Genome.from_key("D:4:1|P:max|P:max"), SPACE, classes=2, channels=1).eval()
    assert network(torch.zeros(1, 1, 4, 4)).shape == (1, 2)
    with pytest.raises(ArgumentError, match="at least 4 x 4"):
        network(torch.zeros(1, 1, 3, 3))
