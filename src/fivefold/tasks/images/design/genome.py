"""Genomes of image networks: a list, of any length, of units made of blocks.

Sun, Xue, Zhang and Yen, "Completely automated CNN architecture design based on blocks" (AE-CNN), IEEE
Transactions on Neural Networks and Learning Systems 31 (2020), 1242-1254, section III-B.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fivefold.core import require

BLOCKS = ("basic", "bottleneck")
POOLS = ("max", "mean")


@dataclass(frozen=True, slots=True)
class ResidualUnit:
    """Residual blocks of one width, one after the other.

    Args:
        block: ``"basic"`` (two 3x3 convolutions) or ``"bottleneck"`` (1x1, 3x3 among a quarter, 1x1).
        width: Channels out, at least 1; a multiple of 4 for bottlenecks.
        repeats: Blocks, at least 1.

    Raises:
        ArgumentError: Another block, or a number out of its range.

    >>> ResidualUnit("basic", 16, 2).code
    'R:basic:16:2'
    """

    block: str
    width: int
    repeats: int

    def __post_init__(self) -> None:
        require(self.block in BLOCKS, f"a block among {', '.join(BLOCKS)}", repr(self.block))
        require(self.width >= 1, "at least 1 channel", self.width)
        whole = self.block == "basic" or self.width % 4 == 0
        require(whole, "a width that 4 divides for bottlenecks", self.width)
        require(self.repeats >= 1, "at least 1 block", self.repeats)

    @property
    def code(self) -> str:
        """The unit in letters and numbers."""
        return f"R:{self.block}:{self.width}:{self.repeats}"


@dataclass(frozen=True, slots=True)
class DenseUnit:
    """A dense block, whose layers each add channels to all before.

    Args:
        growth: k, channels that a layer adds, at least 1.
        layers: At least 1.

    Raises:
        ArgumentError: A number out of its range.

    >>> DenseUnit(12, 4).code
    'D:12:4'
    """

    growth: int
    layers: int

    def __post_init__(self) -> None:
        require(self.growth >= 1, "a growth of at least 1 channel", self.growth)
        require(self.layers >= 1, "at least 1 layer", self.layers)

    @property
    def code(self) -> str:
        """The unit in letters and numbers."""
        return f"D:{self.growth}:{self.layers}"


@dataclass(frozen=True, slots=True)
class PoolUnit:
    """The largest or the mean of every 2x2 places.

    Args:
        kind: ``"max"`` or ``"mean"``.

    Raises:
        ArgumentError: Another kind.

    >>> PoolUnit("max").code
    'P:max'
    """

    kind: str

    def __post_init__(self) -> None:
        require(self.kind in POOLS, f"a pooling among {', '.join(POOLS)}", repr(self.kind))

    @property
    def code(self) -> str:
        """The unit in letters and numbers."""
        return f"P:{self.kind}"


Unit = ResidualUnit | DenseUnit | PoolUnit


@dataclass(frozen=True, slots=True)
class Genome:
    """Units in the order in which a picture goes through them.

    Args:
        units: At least 1, the first no pooling.

    Raises:
        ArgumentError: No unit, or a pooling first.

    >>> genome = Genome((ResidualUnit("basic", 16, 2), PoolUnit("max"), DenseUnit(8, 3)))
    >>> genome.key, genome.pools
    ('R:basic:16:2|P:max|D:8:3', 1)
    >>> Genome.from_key(genome.key) == genome
    True
    """

    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        require(len(self.units) >= 1, "at least 1 unit", 0)
        require(not isinstance(self.units[0], PoolUnit), "a unit with weights first", self.units[0])

    @property
    def key(self) -> str:
        """What tells architectures apart: equal keys are equal networks."""
        return "|".join(unit.code for unit in self.units)

    @property
    def pools(self) -> int:
        """Poolings, each of which halves height and width."""
        return count_pools(self.units)

    @classmethod
    def from_key(cls, key: str) -> "Genome":
        """Read a key.

        Raises:
            ArgumentError: Not a key.
        """
        return cls(tuple(_read_unit(code) for code in key.split("|")))


def count_pools(units: Iterable[Unit]) -> int:
    """Count the poolings among units.

    >>> count_pools([PoolUnit("max"), DenseUnit(4, 1)])
    1
    """
    return sum(isinstance(unit, PoolUnit) for unit in units)


def _read_unit(code: str) -> Unit:
    letter, *rest = code.split(":")
    numbers = [int(part) for part in rest if part.isascii() and part.isdigit()]
    if letter == "R" and len(rest) == 3 and len(numbers) == 2:
        return ResidualUnit(rest[0], *numbers)
    if letter == "D" and len(rest) == 2 and len(numbers) == 2:
        return DenseUnit(*numbers)
    require(letter == "P" and len(rest) == 1, "a unit R:block:width:repeats, D:growth:layers or P:kind", code)
    return PoolUnit(rest[0])


def describe(genome: Genome) -> str:
    """Say in words what a genome is.

    >>> describe(Genome.from_key("R:basic:16:2|P:max|D:8:3"))
    '2 basic blocks of 16 channels; max pooling; 3 dense layers of growth 8'
    """
    return "; ".join(_words(unit) for unit in genome.units)


def _words(unit: Unit) -> str:
    if isinstance(unit, ResidualUnit):
        return f"{unit.repeats} {unit.block} block{'s' * (unit.repeats > 1)} of {unit.width} channels"
    if isinstance(unit, DenseUnit):
        return f"{unit.layers} dense layer{'s' * (unit.layers > 1)} of growth {unit.growth}"
    return f"{unit.kind} pooling"
