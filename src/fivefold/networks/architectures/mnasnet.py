"""MNASNet: inverted residuals found by a search under measured latency.

Tan, Chen, Pang, Vasudevan, Sandler, Howard and Le, "MnasNet: Platform-aware neural architecture search for
mobile", 2019; the form without squeeze and excite (B1).
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import conv_steps
from fivefold.networks.blocks.inverted_residual import FlatInvertedResidual, divisible, narrow
from fivefold.networks.image_network import ImageNetwork, end_stage, walk_through
from fivefold.networks.style import Style

STAGES = (
    (24, 3, 3, 2, 3),
    (40, 3, 5, 2, 3),
    (80, 3, 5, 2, 6),
    (96, 2, 3, 1, 6),
    (192, 4, 5, 2, 6),
    (320, 1, 3, 1, 6),
)
"""Channels, repeats, window, first stride and expansion of each stage."""


class MnasNet(ImageNetwork):
    """A separable convolution, sixteen inverted residuals, a 1x1 convolution, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        multiplier: Factor of all widths but the last.
        dropout: Probability before the dense layer.

    Raises:
        ArgumentError: A multiplier that is not positive.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, multiplier: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__(classes, channels)
        require(multiplier > 0, "a positive multiplier", multiplier)
        first, width = divisible(32 * multiplier), divisible(16 * multiplier)
        layers: list[nn.Module] = [
            *conv_steps(style, channels, first, 3, 2),
            *conv_steps(style, first, first, 3, groups=first),
            *narrow(style, first, width),
        ]
        self.ends: dict[int, str] = {}
        for outputs, repeat, size, stride, expansion in STAGES:
            if stride == 2:
                end_stage(self.ends, layers)
            wide = divisible(outputs * multiplier)
            blocks = []
            for i in range(repeat):
                blocks.append(FlatInvertedResidual(style, width, wide, size, 1 if i else stride, expansion))
                width = wide
            layers.append(nn.Sequential(*blocks))
        layers += conv_steps(style, width, 1280, 1)
        end_stage(self.ends, layers)
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, classes))

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages, each at half the size of the one before."""
        return walk_through(self.layers, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y
