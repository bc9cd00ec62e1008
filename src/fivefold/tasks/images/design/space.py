"""The space of genomes that a search draws from: ranges, validity, the first generation."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fivefold.core import ArgumentError, require
from fivefold.tasks.images.design.genome import (
    BLOCKS,
    POOLS,
    DenseUnit,
    Genome,
    PoolUnit,
    ResidualUnit,
    Unit,
    count_pools,
)

Range = tuple[int, int]
"""Smallest and largest, both included."""
_MOST_DEEP, _MOST_LONG = 64, 256
"""Most blocks or layers of a unit, and units of a genome: no record of a stranger asks for more."""


@dataclass(frozen=True, slots=True)
class DenseRange:
    """Dense units of one growth.

    Args:
        growth: k, channels that a layer adds.
        cap: Channels that may come in; a 1x1 convolution brings more down to it.
        layers: Smallest and largest number of layers.
    """

    growth: int
    cap: int
    layers: Range


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Ranges of everything that a genome may choose.

    Args:
        side: The smaller of height and width of the pictures, in pixels.
        stem: Channels of the 3x3 convolution before the first unit.
        reduction: Its stride; its window has 2 reduction + 1 places.
        blocks: Blocks of residual units.
        widths: Channels of residual units, ascending.
        repeats: Blocks of a residual unit.
        dense: Dense units, one entry for each growth, ascending.
        first_residual: Residual units of a genome of the first generation.
        first_dense: Dense units of such a genome.
        first_pools: Fewest poolings of such a genome; the most are :attr:`pool_limit`.
        most_pools: Poolings that a genome may have; fewer where the pictures are small.
        longest: Units that a genome may have.

    Raises:
        ArgumentError: An empty or turned range, an unknown block, a size below 1, units of more than 64
            blocks or layers, or genomes of more than 256 units.

    >>> from fivefold.tasks.images.design.presets import published
    >>> published(32).pool_limit, published(8).pool_limit
    (4, 3)
    """

    side: int
    stem: int
    reduction: int
    blocks: tuple[str, ...]
    widths: tuple[int, ...]
    repeats: Range
    dense: tuple[DenseRange, ...]
    first_residual: Range
    first_dense: Range
    first_pools: int = 1
    most_pools: int = 4
    longest: int = 50

    def __post_init__(self) -> None:
        for name, value in (("side", self.side), ("stem", self.stem), ("reduction", self.reduction)):
            require(value >= 1, f"a {name} of at least 1", value)
        require(self.side >= self.reduction, "pictures larger than the first stride", self.side)
        require(
            bool(self.blocks) and set(self.blocks) <= set(BLOCKS), "blocks among those known", self.blocks
        )
        for name, values in (("widths", self.widths), ("growths", tuple(d.growth for d in self.dense))):
            ascending = len(values) >= 1 and values == tuple(sorted(set(values))) and values[0] >= 1
            require(ascending, f"{name} in ascending order", values)
        least = 0 if self.first_dense[0] else 1
        ranges = [(self.repeats, 1), (self.first_residual, least), (self.first_dense, 0)]
        ranges += [(each.layers, 1) for each in self.dense]
        for (low, high), least in ranges:
            require(least <= low <= high, f"a range that begins at {least} or more", (low, high))
        deepest = max(self.repeats[1], *(each.layers[1] for each in self.dense))
        require(deepest <= _MOST_DEEP, f"units of at most {_MOST_DEEP} blocks or layers", deepest)
        require(self.longest <= _MOST_LONG, f"genomes of at most {_MOST_LONG} units", self.longest)
        for pools in (self.first_pools, self.most_pools):
            require(pools >= 0, "at least 0 poolings", pools)
        longest = self.first_residual[1] + self.first_dense[1] + self.pool_limit
        require(
            self.longest >= longest, f"room for the {longest} units of the first generation", self.longest
        )

    @property
    def pool_limit(self) -> int:
        """Poolings that leave at least one place: log2 of the side after the stem, at most ``most_pools``."""
        return min(self.most_pools, int(math.log2(-(-self.side // self.reduction))))

    def cap_of(self, growth: int) -> int:
        """Channels that may come into a dense unit of this growth.

        Raises:
            ArgumentError: No such growth in the space.
        """
        for each in self.dense:
            if each.growth == growth:
                return each.cap
        raise ArgumentError(f"a growth among {[each.growth for each in self.dense]}", str(growth))

    def unit_faults(self, unit: Unit) -> str:
        """Say why a unit is not of this space, or nothing."""
        if isinstance(unit, ResidualUnit):
            fits = unit.block in self.blocks and unit.width in self.widths
            fits = fits and self.repeats[0] <= unit.repeats <= self.repeats[1]
        elif isinstance(unit, DenseUnit):
            found = [each.layers for each in self.dense if each.growth == unit.growth]
            fits = bool(found) and found[0][0] <= unit.layers <= found[0][1]
        else:
            fits = True
        return "" if fits else f"the unit {unit.code} is out of range"

    def faults(self, units: Sequence[Unit]) -> str:
        """Say why units in this order are no genome of this space, or nothing.

        >>> from fivefold.tasks.images.design.presets import published
        >>> published(8).faults([PoolUnit("max")])
        'a pooling stands first'
        """
        if not units:
            return "there is no unit"
        if isinstance(units[0], PoolUnit):
            return "a pooling stands first"
        if len(units) > self.longest:
            return f"there are {len(units)} units, more than {self.longest}"
        if count_pools(units) > self.pool_limit:
            return f"there are {count_pools(units)} poolings, more than {self.pool_limit}"
        return next((why for unit in units if (why := self.unit_faults(unit))), "")

    def changes(self, unit: Unit) -> list[Unit]:
        """The units that differ from this one in one choice; of another growth, the nearest depth there is.

        >>> from fivefold.tasks.images.design.presets import published
        >>> published(32).changes(PoolUnit("max"))
        [PoolUnit(kind='mean')]
        """
        return [other for other in self._neighbours(unit) if other != unit]

    def _neighbours(self, unit: Unit) -> Iterator[Unit]:
        if isinstance(unit, ResidualUnit):
            yield from (ResidualUnit(block, unit.width, unit.repeats) for block in self.blocks)
            yield from (ResidualUnit(unit.block, width, unit.repeats) for width in self.widths)
            yield from (ResidualUnit(unit.block, unit.width, n) for n in _values(self.repeats))
        elif isinstance(unit, DenseUnit):
            for each in self.dense:
                low, high = each.layers
                yield DenseUnit(each.growth, min(max(unit.layers, low), high))
                if each.growth == unit.growth:
                    yield from (DenseUnit(each.growth, n) for n in _values(each.layers))
        else:
            yield from (PoolUnit(kind) for kind in POOLS)

    def draw_unit(self, kind: str, generator: np.random.Generator) -> Unit:
        """Draw a unit, each of its choices uniformly.

        Args:
            kind: ``"residual"``, ``"dense"`` or ``"pool"``.
            generator: Source of randomness.
        """
        if kind == "residual":
            block = self.blocks[generator.integers(len(self.blocks))]
            width = self.widths[generator.integers(len(self.widths))]
            return ResidualUnit(block, width, _draw(self.repeats, generator))
        if kind == "dense":
            each = self.dense[generator.integers(len(self.dense))]
            return DenseUnit(each.growth, _draw(each.layers, generator))
        return PoolUnit(POOLS[generator.integers(len(POOLS))])

    def draw(self, generator: np.random.Generator) -> Genome:
        """Draw a genome of the first generation: numbers of units, each unit, then their order.

        >>> from fivefold.tasks.images.design.presets import published
        >>> space = published(32)
        >>> space.faults(space.draw(np.random.default_rng(0)).units)
        ''
        """
        counts = {
            "residual": _draw(self.first_residual, generator),
            "dense": _draw(self.first_dense, generator),
            "pool": _draw((min(self.first_pools, self.pool_limit), self.pool_limit), generator),
        }
        units = [self.draw_unit(kind, generator) for kind, n in counts.items() for _ in range(n)]
        units = [units[i] for i in generator.permutation(len(units))]
        weighted = next(i for i, unit in enumerate(units) if not isinstance(unit, PoolUnit))
        units[0], units[weighted] = units[weighted], units[0]
        return Genome(tuple(units))

    def to_record(self) -> dict[str, Any]:
        """Return a plain record; :func:`space_from_record` reads it."""
        return asdict(self)


def space_from_record(record: dict[str, Any]) -> SearchSpace:
    """Read what :meth:`SearchSpace.to_record` gave, as it comes out of JSON.

    Raises:
        ArgumentError: Not such a record.

    >>> import json
    >>> from fivefold.tasks.images.design.presets import published
    >>> space_from_record(json.loads(json.dumps(published(32).to_record()))) == published(32)
    True
    """
    try:
        dense = (DenseRange(each["growth"], each["cap"], tuple(each["layers"])) for each in record["dense"])
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        plain["dense"] = tuple(dense)
        return SearchSpace(**plain)
    except (KeyError, TypeError) as error:
        raise ArgumentError("the record of a search space", str(error)) from error


def _values(span: Range) -> range:
    return range(span[0], span[1] + 1)


def _draw(span: Range, generator: np.random.Generator) -> int:
    return int(generator.integers(span[0], span[1] + 1))
