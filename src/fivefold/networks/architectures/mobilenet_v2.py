"""MobileNet V2: inverted residuals.

Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted residuals and linear bottlenecks", 2018,
table 2.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.inverted_residual import InvertedResidual, divisible
from fivefold.networks.image_network import ImageNetwork, end_stage, walk_through
from fivefold.networks.style import Style

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats and first stride of each row of the table."""


class MobileNetV2(ImageNetwork):
    """A convolution, seventeen inverted residuals, a 1x1 convolution, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally relu6.
        multiplier: Factor of all widths.
        dropout: Probability before the dense layer.

    Raises:
        ArgumentError: A multiplier that is not positive.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, multiplier: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__(classes, channels)
        require(multiplier > 0, "a positive multiplier", multiplier)
        width = divisible(32 * multiplier)
        layers: list[nn.Module] = [ConvNorm(style, channels, width, 3, 2)]
        self.ends: dict[int, str] = {}
        for expansion, outputs, repeat, stride in STAGES:
            if stride == 2:
                end_stage(self.ends, layers)
            for i in range(repeat):
                wide = divisible(outputs * multiplier)
                layers.append(InvertedResidual(style, width, wide, stride if i == 0 else 1, expansion))
                width = wide
        last = divisible(1280 * max(1.0, multiplier))
        layers.append(ConvNorm(style, width, last, 1))
        end_stage(self.ends, layers)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, classes))

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages, each at half the size of the one before."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y
