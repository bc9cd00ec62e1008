"""LeNet-5: two convolutions, two poolings, three dense layers.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998; the
second convolution sees all channels, and pooling has no weights, as in today's use of the name.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style


class LeNet(ImageNetwork):
    """LeNet-5 for pictures of 32 x 32; others are averaged to 5 x 5 places before the dense layers.

    >>> import torch
    >>> LeNet(10, 1, Style("tanh", "none"))(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, classes: int, channels: int, style: Style) -> None:
        super().__init__(classes, channels, smallest=13)
        self.conv1 = convolution(channels, 6, 5, padding=0, bias=True)
        self.norm1 = style.norm_of(6)
        self.conv2 = convolution(6, 16, 5, padding=0, bias=True)
        self.norm2 = style.norm_of(16)
        self.act1, self.act2 = style.act(), style.act()
        self.pool = nn.AvgPool2d(2, 2, ceil_mode=True)
        self.places = nn.AdaptiveAvgPool2d(5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)
        self.act3, self.act4 = style.act(), style.act()

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Two stages: a convolution and a pooling each."""
        x = self.pool(self.act1(self.norm1(self.conv1(x))))
        yield "stage1", x
        yield "stage2", self.pool(self.act2(self.norm2(self.conv2(x))))

    def head(self, x: Tensor) -> Tensor:
        """Three dense layers on 5 x 5 places."""
        x = self.act3(self.fc1(self.places(x).flatten(1)))
        y: Tensor = self.fc3(self.act4(self.fc2(x)))
        return y
