"""VGG: windows of 3 x 3 alone, channels doubled at each pooling.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import conv_steps
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style

REPEATS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each stage, by the number of layers with weights."""


class VGG(ImageNetwork):
    """Five stages of convolutions, a pooling after each, and three dense layers.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally relu and none.
        repeats: Convolutions of each stage.
        dropout: Probability after the first two dense layers.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, repeats: Sequence[int], dropout: float = 0.5
    ) -> None:
        super().__init__(classes, channels, smallest=32)
        layers: list[nn.Module] = []
        self.ends: dict[int, str] = {}
        for stage, (repeat, width) in enumerate(zip(repeats, (64, 128, 256, 512, 512), strict=True), start=1):
            for _ in range(repeat):
                layers += conv_steps(style, channels, width, bias=True)
                channels = width
            layers.append(nn.MaxPool2d(2, 2))
            self.ends[len(layers) - 1] = f"stage{stage}"
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            style.act(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            style.act(),
            nn.Dropout(dropout),
            nn.Linear(4096, classes),
        )

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Five stages, each ending in a pooling."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """Three dense layers on 7 x 7 places."""
        y: Tensor = self.classifier(self.avgpool(x).flatten(1))
        return y
