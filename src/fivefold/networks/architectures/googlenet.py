"""GoogLeNet: nine inception modules.

Szegedy et al., "Going deeper with convolutions", 2015, without the two auxiliary classifiers.
"""

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn

from fivefold.networks.blocks.inception import Inception, NamedConv
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style

WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Channels of each module's branches, table 1 of the paper."""


class GoogLeNet(ImageNetwork):
    """Three convolutions, then nine inception modules in three stages.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        dropout: Probability before the dense layer.
    """

    # of TensorFlow, from which torchvision has the weights: its transform_input turns ImageNet's into these
    published_moments: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((0.5,) * 3, (0.5,) * 3)
    auxiliary: ClassVar[tuple[str, ...]] = ("aux1.", "aux2.")

    def __init__(self, classes: int, channels: int, style: Style, *, dropout: float = 0.2) -> None:
        super().__init__(classes, channels, smallest=15)
        self.conv1 = NamedConv(style, channels, 64, 7, 2)
        self.conv2 = NamedConv(style, 64, 64, 1)
        self.conv3 = NamedConv(style, 64, 192, 3)
        inputs = 192
        for name, widths in WIDTHS.items():
            module = Inception(style, inputs, widths)
            self.add_module(f"inception{name}", module)
            inputs = module.outputs
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and the stages 3, 4 and 5 of the paper, named 1 to 3."""
        x = self.maxpool(self.conv3(self.conv2(self.maxpool(self.conv1(x)))))
        yield "stem", x
        for stage, modules in enumerate(("ab", "abcde", "ab"), start=3):
            if stage > 3:
                x = (self.maxpool if stage == 4 else self.maxpool4)(x)
            for letter in modules:
                x = self.get_submodule(f"inception{stage}{letter}")(x)
            yield f"stage{stage - 2}", x

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.fc(self.dropout(x.mean((2, 3))))
        return y
