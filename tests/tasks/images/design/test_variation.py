"""Operators keep genomes valid, crossover conserves units, mutations come as often as stated."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.genome import Genome, PoolUnit
from fivefold.tasks.images.design.presets import published, scaled
from fivefold.tasks.images.design.variation import (
    KINDS,
    Child,
    breed,
    cross,
    crossover_points,
    kept_origin,
    mutate,
)

SPACES = [published(32), published(8), scaled(28, 28, pictures=5000, seconds=10.0)]


def whole(genome, parent=0):
    return Child(genome, tuple((parent, k) for k in range(len(genome.units))))


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SPACES))
def test_operators_keep_genomes_valid(seed, space):
    """Twelve generations of crossover and certain mutation, so that genomes grow and shrink."""
    rng = np.random.default_rng(seed)
    pair = space.draw(rng), space.draw(rng)
    for _ in range(3):
        children = breed(space, pair, rng, crossover=1.0, mutation=1.0)
        for child in children:
            assert space.faults(child.genome.units) == ""
            assert len(child.origins) == len(child.genome.units)
            assert all(o is None or 0 <= o[1] < len(pair[o[0]].units) for o in child.origins)
        pair = children[0].genome, children[1].genome


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SPACES))
def test_crossover_conserves_units_and_says_where_they_come_from(seed, space):
    rng = np.random.default_rng(seed)
    parents = space.draw(rng), space.draw(rng)
    children = cross(space, *parents, rng)
    units = [Counter(unit for genome in genomes for unit in genome.units) for genomes in (
        parents, [child.genome for child in children])]  # fmt: skip
    assert units[0] == units[1]
    for child in children:
        for unit, (parent, place) in zip(child.genome.units, child.origins, strict=True):
            assert parents[parent].units[place] == unit


def test_both_parents_are_cut_at_points_of_their_own(rng):
    """All pairs of points of a short and a long parent are taken equally often."""
    space = published(32)
    one, other = Genome.from_key("D:12:3|D:12:4"), Genome.from_key("D:20:3|D:20:4|D:20:5")
    points = crossover_points(space, one.units, other.units)
    assert points == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    counts = Counter(cross(space, one, other, rng)[0].genome.key for _ in range(2_000))
    assert len(counts) == len(points)
    assert chisquare(list(counts.values())).pvalue > 1e-3


def test_points_that_would_give_too_many_poolings_are_not_taken(rng):
    space = published(8)
    one = Genome.from_key("D:12:3|P:max|P:max|P:max|D:12:4")
    other = Genome.from_key("D:20:3|P:mean|P:mean|P:mean")
    for i, j in crossover_points(space, one.units, other.units):
        for units in (one.units[:i] + other.units[j:], other.units[:j] + one.units[i:]):
            assert sum(isinstance(unit, PoolUnit) for unit in units) <= 3
    single = Genome.from_key("D:12:3")
    assert crossover_points(space, single.units, single.units) == []
    assert cross(space, single, Genome.from_key("D:20:3"), rng)[0].genome == single


def test_mutations_come_as_often_as_stated(rng):
    """Of a genome on which every kind is possible: 3,000 draws against 0.4, 0.3, 0.3."""
    space = published(32)
    child = whole(Genome.from_key("D:12:4|P:max|R:bottleneck:64:4|D:20:5"))
    counts = Counter(mutate(space, child, rng).mutation for _ in range(3_000))
    assert chisquare([counts[kind] for kind in KINDS], [1200, 900, 900]).pvalue > 1e-3


def test_each_mutation_does_what_it_says(rng):
    space = published(32)
    child = whole(Genome.from_key("D:12:4|P:max|R:bottleneck:64:4|D:20:5"))
    for _ in range(300):
        changed = mutate(space, child, rng)
        before, after = list(child.genome.units), list(changed.genome.units)
        if changed.mutation == "add":
            place = changed.origins.index(None)
            assert after[:place] + after[place + 1 :] == before
        elif changed.mutation == "remove":
            assert [before[k] for _, k in changed.origins] == after
            assert len(after) == len(before) - 1
        else:
            assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_children_cross_and_mutate_with_the_probabilities(rng):
    """Parents without a common unit: a child of crossover holds units of both."""
    space = published(32)
    parents = Genome.from_key("D:12:3|D:12:4|D:12:5"), Genome.from_key("D:20:3|D:20:4|D:20:5")
    pairs = [breed(space, parents, rng) for _ in range(1_500)]
    crossed = sum({o[0] for o in pair[0].origins if o} != {0} or len(pair[0].genome.units) != 3
                  for pair in pairs if not pair[0].mutation)  # fmt: skip
    plain = sum(not pair[0].mutation for pair in pairs)
    assert binomtest(crossed, plain, 0.5).pvalue > 1e-3
    mutated = sum(bool(child.mutation) for pair in pairs for child in pair)
    assert binomtest(mutated, 3_000, 0.8).pvalue > 1e-3


def test_without_crossover_and_mutation_children_are_copies(rng):
    space = published(32)
    parents = space.draw(rng), space.draw(rng)
    children = breed(space, parents, rng, crossover=0.0, mutation=0.0)
    assert tuple(child.genome for child in children) == parents
    with pytest.raises(ArgumentError, match="probability of mutation"):
        breed(space, parents, rng, mutation=1.1)


def test_a_single_unit_is_never_removed_and_the_first_stays_weighted(rng):
    space = published(32)
    kinds = {mutate(space, whole(Genome.from_key("D:12:4")), rng).mutation for _ in range(100)}
    assert kinds == {"add", "alter"}
    for _ in range(200):
        first = mutate(space, whole(Genome.from_key("D:12:4|P:max")), rng).genome.units[0]
        assert not isinstance(first, PoolUnit)


def test_origins_stay_within_a_sort_of_unit():
    basic, bottleneck, dense = Genome.from_key("R:basic:8:1|R:bottleneck:8:1|D:4:1").units
    assert kept_origin(basic, basic, (0, 1)) == (0, 1)
    assert kept_origin(basic, bottleneck, (0, 1)) is None
    assert kept_origin(dense, dense, (1, 2)) == (1, 2)
    assert kept_origin(dense, PoolUnit("max"), (1, 2)) is None
