"""DenseNet: dense blocks with transitions that halve channels and size.

Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.blocks.dense_block import DenseBlock, Transition
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style


class DenseNet(ImageNetwork):
    """A 7x7 window and a pooling, four dense blocks, the mean of all places, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        depths: Layers of each of the four blocks.
        growth: New channels of each layer.
        width: Channels of the first convolution.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        style: Style,
        *,
        depths: Sequence[int],
        growth: int = 32,
        width: int = 64,
    ) -> None:
        super().__init__(classes, channels, smallest=29)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=convolution(channels, width, 7, 2, bias=style.bias),
            norm0=style.norm_of(width),
            relu0=style.act(),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        self.ends = {3: "stem"}
        for i, depth in enumerate(depths, start=1):
            layers[f"denseblock{i}"] = DenseBlock(style, width, growth, depth)
            width += growth * depth
            if i < len(depths):
                self.ends[len(layers) - 1] = f"stage{i}"
                layers[f"transition{i}"] = Transition(style, width, width // 2)
                width //= 2
        layers["norm5"], layers["relu5"] = style.norm_of(width), style.act(in_place=False)
        self.ends[len(layers) - 1] = f"stage{len(depths)}"
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(width, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages; the last is normalised and activated."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y
