"""EfficientNet-B0: inverted residuals with squeeze and excite.

Tan and Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", 2019, table 1.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.inverted_residual import ExcitedResidual
from fivefold.networks.blocks.squeeze_excite import SqueezeExcite
from fivefold.networks.image_network import ImageNetwork, end_stage, walk_through
from fivefold.networks.style import Style

STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, window, first stride, channels and repeats of each stage."""


class EfficientNet(ImageNetwork):
    """A convolution, seven stages of sixteen blocks, a 1x1 convolution, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally silu.
        dropout: Probability before the dense layer.
        drop: Probability that a branch is left out: 0 for the first of n blocks, i drop / n for block i.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, dropout: float = 0.2, drop: float = 0.2
    ) -> None:
        super().__init__(classes, channels)
        width, done = 32, 0
        blocks = sum(row[-1] for row in STAGES)
        layers: list[nn.Module] = [ConvNorm(style, channels, width, 3, 2)]
        self.ends: dict[int, str] = {}
        for expansion, size, stride, outputs, repeat in STAGES:
            if stride == 2:
                end_stage(self.ends, layers)
            stage = []
            for i in range(repeat):
                middle = expansion * width
                excite = SqueezeExcite(middle, max(1, width // 4), style.act(), nn.Sigmoid())
                sizes, step = (width, middle, outputs), 1 if i else stride
                stage.append(ExcitedResidual(style, sizes, size, step, excite, drop * done / blocks))
                width, done = outputs, done + 1
            layers.append(nn.Sequential(*stage))
        layers.append(ConvNorm(style, width, 4 * width, 1))
        end_stage(self.ends, layers)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * width, classes))

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages, each at half the size of the one before."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y
