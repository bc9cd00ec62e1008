"""SqueezeNet: fire modules, and a convolution in the dense layer's place.

Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet", arXiv 1602.07360, 2016; version 1.1 pools
earlier.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.blocks.fire import Fire
from fivefold.networks.image_network import ImageNetwork, end_stage, walk_through
from fivefold.networks.style import Style

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Channels of each module: squeezed, and of each expansion."""


class SqueezeNet(ImageNetwork):
    """A convolution, eight fire modules with three poolings, a 1x1 convolution, the mean of all places.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally relu and none.
        version: ``"1.0"`` or ``"1.1"``.
        dropout: Probability before the last convolution.

    Raises:
        ArgumentError: Another version.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, version: str = "1.1", dropout: float = 0.5
    ) -> None:
        super().__init__(classes, channels, smallest=21 if version == "1.0" else 17)
        require(version in ("1.0", "1.1"), "a version '1.0' or '1.1'", repr(version))
        first = version == "1.0"
        width, size = (96, 7) if first else (64, 3)
        pooled_before = {3, 7} if first else {2, 4}  # fire modules with a pooling before them
        layers: list[nn.Module] = [convolution(channels, width, size, 2, padding=0, bias=True)]
        if style.norm != "none":
            layers.append(style.norm_of(width))
        layers += [style.act(), nn.MaxPool2d(3, 2, ceil_mode=True)]
        self.ends: dict[int, str] = {}
        end_stage(self.ends, layers)
        for i, (squeezed, expanded) in enumerate(FIRES):
            if i in pooled_before:
                end_stage(self.ends, layers)
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            layers.append(Fire(style, width, squeezed, expanded))
            width = 2 * expanded
        end_stage(self.ends, layers)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(width, classes, 1), style.act(), nn.AdaptiveAvgPool2d(1)
        )

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and three stages."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """The mean of the classes' maps."""
        y: Tensor = self.classifier(x).flatten(1)
        return y
