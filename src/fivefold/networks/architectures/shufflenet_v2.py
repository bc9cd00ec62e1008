"""ShuffleNet V2: units that split and shuffle channels.

Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture design", 2018,
table 5.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.shuffle_unit import ShuffleUnit
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style

WIDTHS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
"""Channels of the three stages and of the last convolution, by multiplier."""


class ShuffleNetV2(ImageNetwork):
    """A convolution and a pooling, three stages of 4, 8 and 4 units, a 1x1 convolution, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        multiplier: 0.5, 1, 1.5 or 2.

    Raises:
        ArgumentError: Another multiplier.
    """

    def __init__(self, classes: int, channels: int, style: Style, *, multiplier: float = 1.0) -> None:
        super().__init__(classes, channels)
        require(multiplier in WIDTHS, "a multiplier of 0.5, 1.0, 1.5 or 2.0", multiplier)
        *widths, last = WIDTHS[multiplier]
        self.conv1 = ConvNorm(style, channels, 24, 3, 2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs, stages = 24, []
        for width, repeat in zip(widths, (4, 8, 4), strict=True):
            units = [ShuffleUnit(style, inputs, width, 2)]
            units += [ShuffleUnit(style, width, width, 1) for _ in range(repeat - 1)]
            stages.append(nn.Sequential(*units))
            inputs = width
        self.stage2, self.stage3, self.stage4 = stages
        self.conv5 = ConvNorm(style, inputs, last, 1)
        self.fc = nn.Linear(last, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and three stages, 2 to 4 of the paper, named 1 to 3."""
        x = self.maxpool(self.conv1(x))
        yield "stem", x
        layers = (self.stage2, self.stage3, self.stage4, self.conv5)
        yield from walk_through(layers, {0: "stage1", 1: "stage2", 3: "stage3"}, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.fc(x.mean((2, 3)))
        return y
