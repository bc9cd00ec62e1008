"""A net laid out as the ventral visual pathway: areas from V1 to IT, each with its layers, joined as a graph.

Tripp, "Approximating the architecture of visual cortex in a convolutional network", Neural Computation,
2019. There every excitatory population (layers 2/3, 4, 5 and 6 of each area) is a convolutional layer, and
the graph's widths and windows are fitted to tract tracing. Here the graph is the pathway's backbone,
feedforward: layer 4 receives from lower areas, 2/3 from 4, 5 from both; 2/3 and 5 of an area project to the
    area
above, 2/3 also to the one after it. Layer 6, which projects back, is left out: nothing in a feedforward net
would read it. Widths and windows are ours, not fitted; each area has half the resolution of the one before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style


@dataclass(frozen=True)
class Population:
    """The excitatory cells of a layer of an area: ``level`` halvings of the picture, ``width`` channels."""

    area: str
    layer: str
    level: int
    width: int

    @property
    def name(self) -> str:
        """Area and layer: ``V1_4``."""
        return f"{self.area}_{self.layer}"


@dataclass(frozen=True)
class Connection:
    """A convolution from one population to another."""

    source: str
    target: str
    size: int


AREAS = ("V1", "V2", "V4", "PIT", "AIT")
LAYERS = {"4": 1.0, "23": 1.0, "5": 0.5}
"""Layers in the order in which activity reaches them, and their widths beside layer 4's."""


def ventral_pathway(width: int) -> tuple[tuple[Population, ...], tuple[Connection, ...]]:
    """Make the graph: populations in an order in which each comes after its sources, and connections.

    >>> populations, connections = ventral_pathway(32)
    >>> populations[0].name, len(populations), len(connections)
    ('V1_4', 15, 27)
    """
    populations, connections = [], []
    for level, area in enumerate(AREAS):
        wide = width * (1, 2, 3, 4, 4)[level]
        populations += [Population(area, layer, level, int(wide * part)) for layer, part in LAYERS.items()]
        connections += [
            Connection(f"{area}_4", f"{area}_23", 3),
            Connection(f"{area}_23", f"{area}_5", 3),
            Connection(f"{area}_4", f"{area}_5", 1),
        ]
        if level == 0:
            connections.append(Connection("LGN", "V1_4", 7))
        if level >= 1:
            connections.append(Connection(f"{AREAS[level - 1]}_23", f"{area}_4", 3))
            connections.append(Connection(f"{AREAS[level - 1]}_5", f"{area}_4", 3))
        if level >= 2:
            connections.append(Connection(f"{AREAS[level - 2]}_23", f"{area}_4", 5))
    return tuple(populations), tuple(connections)


class CortexNet(ImageNetwork):
    """Populations of an acyclic graph; each adds what its connections bring, normalises and activates.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        width: Channels of layer 4 of V1, even.

    Raises:
        ArgumentError: An odd width, or none.
    """

    def __init__(self, classes: int, channels: int, style: Style, *, width: int = 32) -> None:
        super().__init__(classes, channels)
        require(width >= 2 and width % 2 == 0, "an even width of at least 2", width)
        self.populations, self.connections = ventral_pathway(width)
        level = {"LGN": 0} | {p.name: p.level for p in self.populations}
        wide = {"LGN": channels} | {p.name: p.width for p in self.populations}
        self.synapses = nn.ModuleDict()
        for c in self.connections:
            stride = 2 ** (level[c.target] - level[c.source])
            self.synapses[f"{c.source}-{c.target}"] = convolution(
                wide[c.source], wide[c.target], c.size, stride, bias=style.bias
            )
        self.sources = {
            p.name: [c.source for c in self.connections if c.target == p.name] for p in self.populations
        }
        self.norms = nn.ModuleDict({p.name: style.norm_of(p.width) for p in self.populations})
        self.act = style.act()
        self.read_out = [f"{AREAS[-1]}_{layer}" for layer in ("23", "5")]
        self.fc = nn.Linear(sum(wide[name] for name in self.read_out), classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return every population, and last, as ``IT``, those that are read out, joined."""
        answers = {"LGN": x}
        for p in self.populations:
            arriving = [self.synapses[f"{name}-{p.name}"](answers[name]) for name in self.sources[p.name]]
            answers[p.name] = self.act(self.norms[p.name](sum(arriving[1:], arriving[0])))
            yield p.name, answers[p.name]
        yield "IT", torch.cat([answers[name] for name in self.read_out], dim=1)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.fc(x.mean((2, 3)))
        return y
