"""Children of genomes: crossover at different points of both parents, and mutation.

Sun, Xue, Zhang and Yen 2020 (AE-CNN), section III-D.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fivefold.core import require
from fivefold.tasks.images.design.genome import Genome, ResidualUnit, Unit, count_pools
from fivefold.tasks.images.design.space import SearchSpace

CROSSOVER = 0.5
MUTATION = 0.8
"""Probabilities. AE-CNN has 0.9 and 0.2; with 90 trials on the landscape of the tests, 24 seeds and
populations of 10, that reached 0.338 (standard error 0.008), 0.5 and 0.7 reached 0.358 (0.011), 0.3 and 0.9
0.370 (0.011), random draws 0.299 (0.005)."""
KINDS = {"add": 0.4, "remove": 0.3, "alter": 0.3}
"""What a mutation does, and how often."""
_TRIES = 100
_UNITS = ("residual", "dense", "pool")

Origin = tuple[int, int]
"""A parent (0 or 1) and the place of a unit in it."""


@dataclass(frozen=True, slots=True)
class Child:
    """A genome, and where each of its units comes from.

    Args:
        genome: Its units.
        origins: For each unit its parent and its place there; ``None`` where it is new or of another sort.
        mutation: What a mutation did, empty where none did.
    """

    genome: Genome
    origins: tuple[Origin | None, ...]
    mutation: str = ""

    @classmethod
    def orphan(cls, genome: Genome) -> "Child":
        """A genome that has nothing from parents."""
        return cls(genome, (None,) * len(genome.units))


def crossover_points(space: SearchSpace, one: Sequence[Unit], other: Sequence[Unit]) -> list[tuple[int, int]]:
    """Points (i, j) at which two genomes can be cut and crossed so that both children are of the space.

    One child is the first i units of one and what the other has from j on; the other child is the rest. Both
    are cut after their first unit at the earliest, so that no pooling comes first; cutting both at their
    ends, which changes nothing, is left out.

    Args:
        space: Holds both parents.
        one: Units of one parent.
        other: Units of the other.

    >>> from fivefold.tasks.images.design.presets import published
    >>> units = Genome.from_key("R:bottleneck:64:3|P:max").units
    >>> crossover_points(published(32), units, units)
    [(1, 1), (1, 2), (2, 1)]
    """
    found = []
    for i in range(1, len(one) + 1):
        before = count_pools(one[:i])
        for j in range(1, len(other) + 1):
            if (i, j) == (len(one), len(other)):
                continue
            pools = (before + count_pools(other[j:]), count_pools(other[:j]) + count_pools(one[i:]))
            lengths = (i + len(other) - j, j + len(one) - i)
            if max(pools) <= space.pool_limit and max(lengths) <= space.longest:
                found.append((i, j))
    return found


def cross(
    space: SearchSpace, one: Genome, other: Genome, generator: np.random.Generator
) -> tuple[Child, Child]:
    """One-point crossover, the point of each parent its own, uniform among all pairs of points that fit.

    The children hold together exactly the units that the parents hold.

    Args:
        space: Holds both parents.
        one: A parent; where no points fit, a copy of it is the first child.
        other: The other parent, likewise.
        generator: Source of randomness.

    >>> from fivefold.tasks.images.design.presets import published
    >>> a, b = Genome.from_key("R:bottleneck:64:3|P:max"), Genome.from_key("D:12:4")
    >>> [child.genome.key for child in cross(published(32), a, b, np.random.default_rng(0))]
    ['R:bottleneck:64:3', 'D:12:4|P:max']
    """
    points = crossover_points(space, one.units, other.units)
    i, j = len(one.units), len(other.units)
    if points:
        i, j = points[int(generator.integers(len(points)))]
    origins = [[(parent, k) for k in range(len(g.units))] for parent, g in enumerate((one, other))]
    first = Child(Genome(one.units[:i] + other.units[j:]), (*origins[0][:i], *origins[1][j:]))
    second = Child(Genome(other.units[:j] + one.units[i:]), (*origins[1][:j], *origins[0][i:]))
    return first, second


def mutate(space: SearchSpace, child: Child, generator: np.random.Generator) -> Child:
    """Add a unit (0.4), remove one (0.3) or alter one (0.3), uniformly among what leaves a valid genome.

    Which sort of unit is added is drawn first (residual, dense, pooling), then its choices, then its place.
    Where what was drawn has no valid form (a single unit cannot be removed), it is drawn again.

    Args:
        space: Holds the genome.
        child: Whose genome mutates.
        generator: Source of randomness.

    Returns:
        A child that differs.

    >>> from fivefold.tasks.images.design.presets import published
    >>> child = Child(Genome.from_key("D:12:4"), ((0, 0),))
    >>> mutate(published(32), child, np.random.default_rng(3)).mutation
    'add'
    """
    units, origins = child.genome.units, child.origins
    for _ in range(_TRIES):
        kind = str(generator.choice(list(KINDS), p=list(KINDS.values())))
        options: list[tuple[tuple[Unit, ...], tuple[Origin | None, ...]]] = []
        if kind == "add":
            new = space.draw_unit(_UNITS[generator.integers(len(_UNITS))], generator)
            options = [
                ((*units[:k], new, *units[k:]), (*origins[:k], None, *origins[k:]))
                for k in range(len(units) + 1)
            ]
        elif kind == "remove":
            options = [
                (units[:k] + units[k + 1 :], origins[:k] + origins[k + 1 :]) for k in range(len(units))
            ]
        else:
            k = int(generator.integers(len(units)))
            for new in space.changes(units[k]):
                kept = kept_origin(units[k], new, origins[k])
                options.append(((*units[:k], new, *units[k + 1 :]), (*origins[:k], kept, *origins[k + 1 :])))
        valid = [each for each in options if not space.faults(each[0])]
        if valid:
            changed, sources = valid[int(generator.integers(len(valid)))]
            return Child(Genome(changed), sources, kind)
    return child  # a space of one genome


def kept_origin(old: Unit, new: Unit, origin: Origin | None) -> Origin | None:
    """The origin of an altered unit: kept within a sort, for weights whose names and shapes do not change.

    >>> kept_origin(Genome.from_key("D:4:1").units[0], Genome.from_key("D:4:2").units[0], (0, 0))
    (0, 0)
    """
    if isinstance(old, ResidualUnit) and isinstance(new, ResidualUnit):
        return origin if old.block == new.block else None
    return origin if type(old) is type(new) else None


def breed(
    space: SearchSpace,
    parents: tuple[Genome, Genome],
    generator: np.random.Generator,
    *,
    crossover: float = CROSSOVER,
    mutation: float = MUTATION,
) -> tuple[Child, Child]:
    """Make two children: crossover with one probability, then each mutates with another.

    Args:
        space: Holds both parents.
        parents: Two genomes.
        generator: Source of randomness.
        crossover: Probability in 0..1; without it the children are copies.
        mutation: Probability in 0..1 for each child.

    Raises:
        ArgumentError: A probability out of its range.

    >>> from fivefold.tasks.images.design.presets import published
    >>> space, rng = published(32), np.random.default_rng(0)
    >>> pair = breed(space, (space.draw(rng), space.draw(rng)), rng)
    >>> [space.faults(child.genome.units) for child in pair]
    ['', '']
    """
    for name, value in (("crossover", crossover), ("mutation", mutation)):
        require(0 <= value <= 1, f"a probability of {name} in 0..1", value)
    one, other = parents
    if generator.random() < crossover:
        children = cross(space, one, other, generator)
    else:
        copies = [
            Child(parent, tuple((who, k) for k in range(len(parent.units))))
            for who, parent in enumerate(parents)
        ]
        children = (copies[0], copies[1])
    first, second = (
        mutate(space, child, generator) if generator.random() < mutation else child for child in children
    )
    return first, second
