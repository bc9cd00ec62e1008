"""The network of a genome, from the blocks of :mod:`fivefold.networks`."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from fivefold.core import ArgumentError
from fivefold.networks.architectures.resnet import Block, stage_of
from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.dense_block import DenseBlock
from fivefold.networks.blocks.residual import BasicBlock, Bottleneck
from fivefold.networks.first_weights import fill_weights_
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style
from fivefold.tasks.images.design.genome import DenseUnit, Genome, ResidualUnit, Unit
from fivefold.tasks.images.design.space import SearchSpace

_MOMENTUM = 0.4
"""Of batch norm's running statistics: after 20 updates at the usual 0.1, an eighth of them would be the first
values, after the 5 of the first judgement three fifths."""


class GenomeNetwork(ImageNetwork):
    """A 3x3 stem, a genome's units, the mean of all places, one dense layer.

    Residual units are stages of residual blocks with a 1x1 shortcut where channels change; dense units are
    dense blocks, after a 1x1 convolution where more channels come in than the space's cap, and closed by a
    normalisation and an activation, so that what follows never meets bare sums. Every convolution has stride
    1: poolings alone halve the size.

    Args:
        genome: Of the space.
        space: Says the stem and the caps.
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.

    Raises:
        ArgumentError: A genome that is not of the space.

    >>> from fivefold.tasks.images.design.presets import scaled
    >>> space = scaled(28, 28, pictures=5000, seconds=10.0)
    >>> genome = Genome.from_key("R:basic:32:2|P:max|D:4:3")
    >>> network = GenomeNetwork(genome, space, 10, 1)
    >>> {name: tuple(x.shape[1:]) for name, x in network.intermediate(torch.zeros(1, 1, 28, 28)).items()}
    {'stem': (8, 28, 28), 'stage1': (32, 28, 28), 'stage2': (32, 14, 14), 'stage3': (28, 14, 14)}
    """

    def __init__(
        self, genome: Genome, space: SearchSpace, classes: int, channels: int, style: Style | None = None
    ) -> None:
        faults = space.faults(genome.units)
        if faults:
            raise ArgumentError("a genome of the search space", faults)
        super().__init__(classes, channels, (2**genome.pools - 1) * space.reduction + 1)
        style = style or Style(momentum=_MOMENTUM)
        self.stem = ConvNorm(style, channels, space.stem, 2 * space.reduction + 1, space.reduction)
        width, units = space.stem, []
        for unit in genome.units:
            made, width = _make_unit(unit, space, style, width)
            units.append(made)
        self.units = nn.ModuleList(units)
        self.classifier = nn.Linear(width, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem, then a stage for each unit."""
        ends = {0: "stem", **{i: f"stage{i}" for i in range(1, len(self.units) + 1)}}
        return walk_through((self.stem, *self.units), ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y


def build(
    genome: Genome,
    space: SearchSpace,
    *,
    classes: int,
    channels: int,
    generator: torch.Generator | None = None,
    device: str = "cpu",
) -> GenomeNetwork:
    """Make the network of a genome with first weights from a generator.

    Args:
        genome: Of the space.
        space: Says the stem and the caps.
        classes: Outputs, at least 1.
        channels: Channels of the pictures, at least 1.
        generator: Source of the first weights; torch's global one where ``None``.
        device: ``"cpu"``, or ``"meta"`` for a network without memory, to be counted.

    Raises:
        ArgumentError: A genome that is not of the space, or a number below 1.

    >>> from fivefold.tasks.images.design.presets import published
    >>> network = build(Genome.from_key("D:12:3"), published(32), classes=2, channels=3, device="meta")
    >>> sum(p.numel() for p in network.parameters())
    29498
    """
    with torch.device("meta"):
        network = GenomeNetwork(genome, space, classes, channels)
    if device == "meta":
        return network
    network = network.to_empty(device=device)
    fill_weights_(network, "relu", generator)
    return network


def _make_unit(unit: Unit, space: SearchSpace, style: Style, inputs: int) -> tuple[nn.Module, int]:
    """A unit's module, and the channels that it gives."""
    if isinstance(unit, ResidualUnit):
        basic = unit.block == "basic"

        def make(style: Style, inputs: int, width: int, stride: int, shortcut: nn.Module | None) -> Block:
            kind = BasicBlock if basic else Bottleneck
            return kind(style, inputs, width, stride, shortcut)

        width = unit.width if basic else unit.width // Bottleneck.expansion
        return stage_of(style, make, inputs, width, unit.width, unit.repeats, 1, pads=False), unit.width
    if isinstance(unit, DenseUnit):
        cap = space.cap_of(unit.growth)
        steps: list[nn.Module] = []
        if inputs > cap:
            steps.append(ConvNorm(style, inputs, cap, 1))
            inputs = cap
        width = inputs + unit.growth * unit.layers
        steps += [DenseBlock(style, inputs, unit.growth, unit.layers), style.norm_of(width), style.act()]
        return nn.Sequential(*steps), width
    return (nn.MaxPool2d(2) if unit.kind == "max" else nn.AvgPool2d(2)), inputs
