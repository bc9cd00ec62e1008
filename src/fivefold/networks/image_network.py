"""What every network for pictures does: check what comes in, walk its stages, give them on request."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from fivefold.core import ArgumentError, FivefoldError, require
from fivefold.networks.arguments import check_arguments


class ImageNetwork(nn.Module, ABC):
    """A network for pictures [N, channels, H, W]: stages, one after the other, then a head.

    A new architecture writes :meth:`walk` and :meth:`head`.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        smallest: Smallest height and width that leaves a place in every stage.

    Raises:
        ArgumentError: One that is no whole number of at least 1.
    """

    published_moments: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = (
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    )
    """Mean and standard deviation of the channels, for values in 0..1, by which the pictures of torchvision's
    published weights are standardised: those of ImageNet, unless an architecture says otherwise."""

    auxiliary: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names that checkpoints hold for training alone and that the network does without."""

    def __init__(self, classes: int, channels: int, smallest: int = 1) -> None:
        super().__init__()
        given = {"classes": classes, "channels": channels, "smallest": smallest}
        check_arguments(ImageNetwork, given)
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
            ArgumentError: No tensor, or pictures of another shape or type, or too small.
        """
        for _, stage in self._stages(x):
            x = stage
        return self.head(x)

    @final
    def intermediate(self, x: Tensor, stages: str | Sequence[str] | None = None) -> dict[str, Tensor]:
        """Return the outputs of stages, by name; no stage after the last one asked for is computed.

        Args:
            x: Pictures [N, channels, H, W].
            stages: A name or names of stages; all where ``None``.

        Raises:
            ArgumentError: What :meth:`forward` refuses, or an unknown stage.
        """
        self._check(x)
        stages = [stages] if isinstance(stages, str) else stages
        found: dict[str, Tensor] = {}
        seen: list[str] = []
        if stages is not None and len(stages) == 0:
            return found
        for name, stage in self._stages(x):
            seen.append(name)
            if stages is None or name in stages:
                found[name] = stage
            if stages is not None and len(found) == len(set(stages)):
                break
        missing = [name for name in stages or () if name not in found]
        require(not missing, f"stages among {', '.join(seen)}", ", ".join(missing))
        return found

    @final
    def _stages(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Walk, and say in terms of the pictures what torch refuses in terms of a layer."""
        self._check(x)
        shape, dtype, device = x.shape, x.dtype, x.device.type
        stages = self.walk(x)
        del x  # a large batch is let go of once the first stage has read it
        try:
            yield from stages
        except FivefoldError:
            raise
        except ValueError as error:  # of normalisations, where a map leaves them one value of a channel
            instance = any(isinstance(layer, nn.InstanceNorm2d) for layer in self.modules())
            more = "" if instance else "give several at once while training, "
            raise ArgumentError(
                "pictures that leave every normalisation several values of a channel",
                f"{shape[0]} of {shape[2]} x {shape[3]} pixels: {error}",
                f"{more}enlarge them, or make the network with norm='group'",
            ) from error
        except RuntimeError as error:
            own = next((p.dtype for p in self.parameters() if p.is_floating_point()), dtype)
            if dtype == own or torch.is_autocast_enabled(device):
                raise
            fix = f"convert the pictures by .to({own}), or the network by .to({dtype})"
            raise ArgumentError(f"pictures of the type of the weights, {own}", str(dtype), fix) from error

    @final
    def _check(self, x: object) -> None:
        wanted = f"a tensor of pictures [N, {self.channels}, height, width]"
        if isinstance(x, list | tuple):
            got = f"a {type(x).__name__} of {len(x)}"
            raise ArgumentError(wanted, got, "join them by torch.stack(pictures)")
        if not isinstance(x, Tensor):
            raise ArgumentError(wanted, type(x).__name__, "make it one by torch.as_tensor(pictures)")
        if not x.is_floating_point():
            fix = "scale bytes by pictures.float() / 255, then standardise them as in training"
            raise ArgumentError(f"{wanted} of real numbers, such as torch.float32", str(x.dtype), fix)
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
