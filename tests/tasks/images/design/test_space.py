"""The space: what it draws is valid, its neighbours differ in one choice, what it refuses it names."""

import dataclasses
import json
from collections import Counter

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.genome import DenseUnit, Genome, PoolUnit, ResidualUnit
from fivefold.tasks.images.design.presets import published, scaled
from fivefold.tasks.images.design.space import DenseRange, SearchSpace, space_from_record

SPACES = [published(32), published(8), scaled(28, 28, pictures=5000, seconds=10.0)]


@pytest.mark.parametrize("space", SPACES)
def test_a_first_generation_is_valid_and_has_the_stated_counts(space, rng):
    for _ in range(300):
        genome = space.draw(rng)
        assert space.faults(genome.units) == ""
        sorts = Counter(type(unit) for unit in genome.units)
        assert space.first_residual[0] <= sorts[ResidualUnit] <= space.first_residual[1]
        assert space.first_dense[0] <= sorts[DenseUnit] <= space.first_dense[1]
        assert min(space.first_pools, space.pool_limit) <= sorts[PoolUnit] <= space.pool_limit


def test_the_published_ranges_are_all_drawn(rng):
    space = published(32)
    units = [unit for _ in range(2000) for unit in space.draw(rng).units]
    residual = {unit for unit in units if isinstance(unit, ResidualUnit)}
    assert residual == {
        ResidualUnit("bottleneck", width, n) for width in (64, 128, 256) for n in range(3, 11)
    }
    dense = {unit for unit in units if isinstance(unit, DenseUnit)}
    expected = {DenseUnit(k, n) for k in (12, 20) for n in range(3, 11)}
    assert dense == expected | {DenseUnit(40, n) for n in (3, 4, 5)}
    assert [space.cap_of(k) for k in (12, 20, 40)] == [128, 64, 32]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("R:basic:64:3", "R:basic:64:3 is out of range"),
        ("R:bottleneck:32:3", "out of range"),
        ("R:bottleneck:64:2", "out of range"),
        ("D:40:6", "D:40:6 is out of range"),
        ("D:16:4", "out of range"),
        ("D:12:4" + 5 * "|P:max", "5 poolings, more than 4"),
        ("|".join(51 * ["D:12:4"]), "51 units, more than 50"),
    ],
)
def test_genomes_out_of_the_space_are_named(key, said):
    assert said in published(32).faults(Genome.from_key(key).units)


def test_units_that_are_no_genome_are_named():
    space = published(32)
    assert space.faults([]) == "there is no unit"
    assert space.faults([PoolUnit("max"), DenseUnit(12, 4)]) == "a pooling stands first"
    with pytest.raises(ArgumentError, match=r"a growth among \[12, 20, 40\]"):
        space.cap_of(13)


@pytest.mark.parametrize("space", SPACES)
def test_neighbours_differ_in_one_choice_and_are_of_the_space(space, rng):
    for _ in range(50):
        for unit in space.draw(rng).units:
            others = space.changes(unit)
            assert others
            for other in others:
                assert space.unit_faults(other) == ""
                assert type(other) is type(unit)
                names = [field.name for field in dataclasses.fields(unit)]
                differ = [name for name in names if getattr(unit, name) != getattr(other, name)]
                # another growth may not allow the same depth
                assert len(differ) == 1 or "growth" in differ


def test_as_many_poolings_as_the_pictures_allow():
    assert [published(side).pool_limit for side in (1, 2, 3, 4, 15, 16, 32, 224)] == [0, 1, 1, 2, 3, 4, 4, 4]


@pytest.mark.parametrize("space", SPACES)
def test_a_record_comes_back_from_json(space):
    assert space_from_record(json.loads(json.dumps(space.to_record()))) == space


@pytest.mark.parametrize("record", [{}, {"dense": 3}, {"dense": [], "depth": 3}])
def test_another_record_is_refused(record):
    with pytest.raises(ArgumentError, match="record of a search space"):
        space_from_record(record)


@pytest.mark.parametrize(
    "change",
    [
        {"side": 0},
        {"reduction": 64},
        {"blocks": ("wide",)},
        {"blocks": ()},
        {"widths": (8, 8)},
        {"widths": (16, 8)},
        {"repeats": (0, 2)},
        {"repeats": (3, 2)},
        {"dense": ()},
        {"dense": (DenseRange(4, 16, (2, 1)),)},
        {"first_residual": (0, 1)},
        {"first_dense": (-1, 1)},
        {"most_pools": -1},
        {"longest": 3},
    ],
)
def test_ranges_that_hold_nothing_are_refused(change):
    with pytest.raises(ArgumentError):
        dataclasses.replace(scaled(28, 28, pictures=5000, seconds=10.0), **change)


def test_every_pair_of_blocks_and_widths_is_possible():
    space = SPACES[2]
    assert isinstance(space, SearchSpace)
    drawn = {space.draw_unit("residual", r) for r in _generators(400)}
    assert {(u.block, u.width) for u in drawn} == {(b, w) for b in space.blocks for w in space.widths}


def _generators(count):
    import numpy as np

    return [np.random.default_rng(seed) for seed in range(count)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"repeats": [1, 10**6]}, "units of at most 64 blocks or layers"),
        ({"dense": [{"growth": 4, "cap": 16, "layers": [1, 10**6]}]}, "units of at most 64 blocks or layers"),
        ({"longest": 10**6}, "genomes of at most 256 units"),
    ],
)
def test_a_record_of_endless_networks_is_refused(change, said):
    with pytest.raises(ArgumentError, match=said):
        space_from_record(json.loads(json.dumps(published(32).to_record())) | change)
