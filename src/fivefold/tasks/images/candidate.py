"""What could be trained: an architecture with its options, at a height and width."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import ArgumentError, require
from fivefold.networks import MemoryPlan, create, layer_costs, memory_plan
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.training_memory import bytes_text
from fivefold.tasks.images.design.genome import Genome, describe
from fivefold.tasks.images.design.phenotype import build
from fivefold.tasks.images.design.space import space_from_record

_NATIVE = 48
"""Pictures up to so many pixels a side are taken as they are."""
_SIDES = (32, 48, 64, 96, 128, 160, 224)
LONGEST_SIDE = 1024
"""Pixels of a side that a network is offered at most."""
_MENU: tuple[tuple[str, dict[str, Any], int, int], ...] = (
    ("speedrun", {"widths": (16, 32, 32)}, 9, 96),
    ("speedrun", {"widths": (16, 64, 64)}, 9, 96),
    ("speedrun", {"widths": (32, 64, 128)}, 9, 96),
    ("speedrun", {"widths": (32, 128, 128)}, 9, 96),
    ("speedrun", {"widths": (64, 256, 256)}, 9, 64),
    ("resnet20", {}, 8, 64),
    ("mobilenet_v3_small", {}, 64, 224),
    ("shufflenet_v2_x0_5", {}, 64, 224),
    ("resnet18", {}, 64, 224),
)
"""Name, options, smallest and largest side at which an architecture is worth trying."""


DESIGNED = "designed"
"""The name of architectures that a search made; their options are the genome and the space it is from."""


@dataclass(frozen=True)
class Candidate:
    """An architecture at a resolution.

    Attributes:
        architecture: A name that :func:`fivefold.networks.create` knows, or :data:`DESIGNED`.
        height, width: Of the pictures, in pixels.
        options: The architecture's own.
    """

    architecture: str
    height: int
    width: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How a report calls it.

        >>> Candidate("speedrun", 28, 28, {"widths": (16, 64, 64)}).name
        'speedrun 16-64-64 at 28 x 28'
        """
        if self.architecture == DESIGNED:
            return f"{DESIGNED} at {self.height} x {self.width}"
        said = [
            "-".join(map(str, v)) if isinstance(v, list | tuple) else str(v) for v in self.options.values()
        ]
        return " ".join([self.architecture, *said, f"at {self.height} x {self.width}"])

    @property
    def description(self) -> str:
        """Its units, where a search made it."""
        return describe(Genome.from_key(str(self.options["genome"]))) if self.architecture == DESIGNED else ""

    def make(
        self,
        classes: int,
        channels: int,
        generator: torch.Generator | None = None,
        device: torch.device | str = "cpu",
    ) -> ImageNetwork:
        """Return the network with its first weights."""
        if self.architecture == DESIGNED:
            return build(
                Genome.from_key(str(self.options["genome"])),
                space_from_record(self.options["space"]),
                classes=classes,
                channels=channels,
                generator=generator,
                device=str(device),
            )
        return create(
            self.architecture,
            classes=classes,
            channels=channels,
            generator=generator,
            device=device,
            **self.options,
        )

    def multiply_adds(self, classes: int, channels: int) -> int:
        """Return the multiply-adds of one picture's forward pass."""
        network = self.make(classes, channels, device="meta")
        return sum(c.multiply_adds for c in layer_costs(network, (1, channels, self.height, self.width)))

    def memory(self, classes: int, channels: int, batch: int) -> MemoryPlan:
        """Return what a training step of so many pictures needs, before any of it is taken."""
        network = self.make(classes, channels, device="meta")
        return memory_plan(network, (channels, self.height, self.width), batch, "sgd")

    def to_record(self) -> dict[str, Any]:
        """Return plain values, from which :meth:`from_record` makes it again."""
        return {
            "architecture": self.architecture,
            "height": self.height,
            "width": self.width,
            "options": {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()},
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Candidate":
        """Read plain values.

        Raises:
            ArgumentError: A height or width that none is offered at.
        """
        options = {str(k): tuple(v) if isinstance(v, list) else v for k, v in record["options"].items()}
        height, width = int(record["height"]), int(record["width"])
        require(
            min(height, width) >= 1 and max(height, width) <= LONGEST_SIDE,
            f"pictures of 1 to {LONGEST_SIDE:,} pixels a side",
            f"{height} x {width}",
        )
        return cls(str(record["architecture"]), height, width, options)


def resolutions(sizes: npt.NDArray[np.integer[Any]]) -> list[tuple[int, int]]:
    """Return the heights and widths at which pictures of these sizes are worth being looked at.

    Small pictures stay as they are; of larger ones several sides are offered, none above the median picture.
    Pictures of one shape keep it, unless a side were longer than :data:`LONGEST_SIDE`; others are cut to
    squares.

    Args:
        sizes: Height and width [N, 2].

    >>> resolutions(np.array([[28, 28], [28, 28]])), resolutions(np.array([[90, 120], [100, 70]]))
    ([(28, 28)], [(32, 32), (48, 48), (64, 64)])
    """
    height, width = (int(v) for v in np.median(sizes, axis=0))
    shape = (height, width) if (sizes == sizes[0]).all() else (min(height, width),) * 2
    if max(shape) <= _NATIVE:
        return [shape]
    found = []
    for side in _sides(min(shape)):
        scale = side / min(shape)
        found.append((round(shape[0] * scale), round(shape[1] * scale)))
    return [size for size in found if max(size) <= LONGEST_SIDE] or squares(min(shape))


def squares(short: int) -> list[tuple[int, int]]:
    """Return the squares that are offered where pictures have so many pixels on their shorter side.

    >>> squares(70), squares(20)
    ([(32, 32), (48, 48), (64, 64)], [(20, 20)])
    """
    return [(side, side) for side in _sides(short)]


def _sides(short: int) -> list[int]:
    return [side for side in _SIDES if side <= short] or [short]


def menu(sizes: npt.NDArray[np.integer[Any]], classes: int, channels: int) -> list[tuple[Candidate, int]]:
    """Return what could be tried on pictures of these sizes, with multiply-adds a picture, cheapest first.

    Long pictures of one shape that no architecture is offered for are cut to squares of their shorter side.

    Args:
        sizes: Height and width [N, 2].
        classes: Outputs.
        channels: Channels.

    Raises:
        ArgumentError: Pictures too small for every architecture.

    >>> found = menu(np.array([[28, 28]]), 10, 1)
    >>> found[0][0].name, len(found)
    ('speedrun 16-32-32 at 28 x 28', 6)
    """
    short = int(np.median(sizes, axis=0).min())
    found = _suited(resolutions(sizes)) or _suited(squares(short))
    if not found:
        raise ArgumentError(
            f"pictures of at least {min(m[2] for m in _MENU)} pixels a side", f"{short}", "enlarge them"
        )
    costs = [(candidate, candidate.multiply_adds(classes, channels)) for candidate in found]
    return sorted(costs, key=lambda pair: (pair[1], pair[0].name))


def _suited(shapes: list[tuple[int, int]]) -> list[Candidate]:
    """What is worth trying at these heights and widths."""
    return [
        Candidate(name, height, width, dict(options))
        for height, width in shapes
        for name, options, least, most in _MENU
        if least <= min(height, width) and max(height, width) <= most
    ]


def within_memory(
    offered: list[tuple[Candidate, int]], classes: int, channels: int, batch: int
) -> list[tuple[Candidate, int]]:
    """Return the candidates whose training step fits into the memory that is free, in the same order.

    Args:
        offered: As :func:`menu` gives them.
        classes: Outputs.
        channels: Channels.
        batch: Pictures an update.

    Raises:
        ArgumentError: None of them fits; the message says what the smallest one needs.

    >>> offered = menu(np.array([[28, 28]]), 10, 1)
    >>> within_memory(offered, 10, 1, 32) == offered
    True
    """
    plans = [(pair, pair[0].memory(classes, channels, batch)) for pair in offered]
    fitting = [pair for pair, plan in plans if plan.fits is not False]
    if not fitting:
        least = min((plan for _, plan in plans), key=lambda plan: plan.total)
        raise ArgumentError(
            f"{bytes_text(least.total)} of free memory for a training step of {batch} pictures",
            bytes_text(least.available or 0),
            "close other programs, or take smaller pictures",
        )
    return fitting


def spread_in_cost(
    offered: list[tuple[Candidate, int]], affordable: float, passes: tuple[float, ...]
) -> list[Candidate]:
    """Return the candidates whose cost would allow about so many passes over the data within the budget.

    For every number of passes the candidate nearest to it, on the scale of logarithms.

    Args:
        offered: Candidates with a cost of one pass, as :func:`menu` gives them (any unit).
        affordable: Cost that the budget allows, in the same unit.
        passes: Numbers of passes that are worth trying.

    >>> offered = [(Candidate(f"net{i}", 8, 8), 10**i) for i in range(5)]
    >>> [c.architecture for c in spread_in_cost(offered, 1000.0, (5.0, 75.0))]
    ['net1', 'net2']
    """
    chosen: list[tuple[Candidate, int]] = []
    for wanted in passes:
        best = min(offered, key=lambda pair: abs(math.log(affordable / pair[1] / wanted)))
        if best not in chosen:
            chosen.append(best)
    return [candidate for candidate, _ in sorted(chosen, key=lambda pair: pair[1])]
