"""What every network for pictures does: check what comes in, walk its stages, give them on request."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import final

from torch import Tensor, nn

from fivefold.core import ArgumentError, require


class ImageNetwork(nn.Module, ABC):
    """A network for pictures [N, channels, H, W]: stages, one after the other, then a head.

    A new architecture writes :meth:`walk` and :meth:`head`.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        smallest: Smallest height and width that leaves a place in every stage.

    Raises:
        ArgumentError: Fewer than 1 of them.
    """

    def __init__(self, classes: int, channels: int, smallest: int = 1) -> None:
        super().__init__()
        require(classes >= 1, "at least 1 class", classes)
        require(channels >= 1, "at least 1 channel", channels)
        self.classes, self.channels, self.smallest = classes, channels, smallest

    @abstractmethod
    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the name and the output of each stage, in order; the head takes the last."""

    @abstractmethod
    def head(self, x: Tensor) -> Tensor:
        """Outputs for the last stage's."""

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [N, classes] (of a segmenter [N, classes, H, W]) for pictures [N, channels, H, W].

        Raises:
            ArgumentError: Pictures of another shape, or too small.
        """
        self._check(x)
        for _, stage in self.walk(x):
            x = stage
        return self.head(x)

    @final
    def intermediate(self, x: Tensor, stages: str | Sequence[str] | None = None) -> dict[str, Tensor]:
        """Return the outputs of stages, by name; no stage after the last one asked for is computed.

        Args:
            x: Pictures [N, channels, H, W].
            stages: A name or names of stages; all where ``None``.

        Raises:
            ArgumentError: Pictures of another shape, or an unknown stage.
        """
        self._check(x)
        stages = [stages] if isinstance(stages, str) else stages
        found: dict[str, Tensor] = {}
        seen: list[str] = []
        if stages is not None and len(stages) == 0:
            return found
        for name, stage in self.walk(x):
            seen.append(name)
            if stages is None or name in stages:
                found[name] = stage
            if stages is not None and len(found) == len(set(stages)):
                break
        missing = [name for name in stages or () if name not in found]
        require(not missing, f"stages among {', '.join(seen)}", ", ".join(missing))
        return found

    @final
    def _check(self, x: Tensor) -> None:
        shape = list(x.shape)
        if len(shape) != 4 or shape[1] != self.channels:
            raise ArgumentError(f"pictures of shape [N, {self.channels}, height, width]", str(shape))
        if min(shape[2:]) < self.smallest:
            raise ArgumentError(
                f"pictures of at least {self.smallest} x {self.smallest} pixels",
                f"{shape[2]} x {shape[3]}",
                "enlarge them, or take a network that shrinks them less",
            )


def end_stage(ends: dict[int, str], layers: Sequence[nn.Module]) -> None:
    """Note that a stage ends with the last layer so far: ``stem`` first, then ``stage1``, ``stage2``, ...

    >>> ends: dict[int, str] = {}
    >>> for count in (2, 5):
    ...     end_stage(ends, [nn.Identity()] * count)
    >>> ends
    {1: 'stem', 4: 'stage1'}
    """
    ends[len(layers) - 1] = f"stage{len(ends)}" if ends else "stem"


def walk_through(
    layers: Iterable[nn.Module], ends: Mapping[int, str], x: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Yield the output of the layers at which a stage ends; the last layer must be one of them.

    Args:
        layers: Layers, one after the other.
        ends: Name of the stage that ends with the layer of this index.
        x: What the first layer takes.
    """
    for index, layer in enumerate(layers):
        x = layer(x)
        if index in ends:
            yield ends[index], x
