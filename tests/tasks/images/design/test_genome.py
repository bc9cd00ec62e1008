"""Genomes: what is valid, and keys that tell architectures apart."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.genome import (
    DenseUnit,
    Genome,
    PoolUnit,
    ResidualUnit,
    count_pools,
    describe,
)
from fivefold.tasks.images.design.presets import published

SPACE = published(32)


def test_a_key_says_all_that_a_genome_is(rng):
    genomes = [SPACE.draw(rng) for _ in range(200)]
    for genome in genomes:
        assert Genome.from_key(genome.key) == genome
    assert len({genome.key for genome in genomes}) == len(set(genomes))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ResidualUnit("wide", 16, 1),
        lambda: ResidualUnit("basic", 0, 1),
        lambda: ResidualUnit("bottleneck", 6, 1),
        lambda: ResidualUnit("basic", 8, 0),
        lambda: DenseUnit(0, 1),
        lambda: DenseUnit(4, 0),
        lambda: PoolUnit("median"),
        lambda: Genome(()),
        lambda: Genome((PoolUnit("max"), DenseUnit(4, 1))),
    ],
)
def test_what_is_no_genome_is_refused(make):
    with pytest.raises(ArgumentError):
        make()


@pytest.mark.parametrize("key", ["", "R:basic:8", "D:4:x", "Q:1", "D:4:1|", "P:max", "D:-4:1", "R:basic:²:1"])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ArgumentError):
        Genome.from_key(key)


def test_poolings_are_counted_and_units_put_in_words():
    genome = Genome.from_key("R:bottleneck:64:3|P:max|P:mean|D:12:1")
    assert genome.pools == count_pools(genome.units) == 2
    assert describe(genome) == (
        "3 bottleneck blocks of 64 channels; max pooling; mean pooling; 1 dense layer of growth 12"
    )
