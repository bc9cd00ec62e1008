"""AlexNet: five convolutions, three poolings, three dense layers.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv 1404.5997, 2014: the
form on one processor, after Krizhevsky, Sutskever and Hinton, 2012.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style


class AlexNet(ImageNetwork):
    """Five convolutions; a stage ends at each of three poolings.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally relu and none.
        dropout: Probability before the first two dense layers.
    """

    def __init__(self, classes: int, channels: int, style: Style, *, dropout: float = 0.5) -> None:
        super().__init__(classes, channels, smallest=63)
        layers: list[nn.Module] = []
        self.ends: dict[int, str] = {}
        plan = [(64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False)]
        for outputs, size, stride, padding, pooled in [*plan, (256, 3, 1, 1, True)]:
            layers.append(convolution(channels, outputs, size, stride, padding=padding, bias=True))
            if style.norm != "none":
                layers.append(style.norm_of(outputs))
            layers.append(style.act())
            if pooled:
                layers.append(nn.MaxPool2d(3, 2))
                self.ends[len(layers) - 1] = f"stage{len(self.ends) + 1}"
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        hidden = 4096
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, hidden),
            style.act(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            style.act(),
            nn.Linear(hidden, classes),
        )

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Three stages, each ending in a pooling."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """Three dense layers on 6 x 6 places."""
        y: Tensor = self.classifier(self.avgpool(x).flatten(1))
        return y
