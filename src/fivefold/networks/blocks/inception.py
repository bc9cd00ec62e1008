"""The module of GoogLeNet: windows of several sizes side by side.

Szegedy et al., "Going deeper with convolutions", 2015. With batch norm, and with a 3x3 window where the
paper has 5x5: every checkpoint in use has it so.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.style import Style


class NamedConv(nn.Module):
    """A convolution, its normalisation and the activation, under the names ``conv`` and ``bn``."""

    def __init__(self, style: Style, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = convolution(inputs, outputs, size, stride, bias=style.bias)
        self.bn, self.act = style.norm_of(outputs), style.act()

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / stride, W / stride]."""
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class Inception(nn.Module):
    """1x1; 1x1 then 3x3; 1x1 then 3x3; largest of 3x3 then 1x1: joined.

    Args:
        style: Activation and normalisation.
        inputs: Channels in.
        widths: Channels of the first branch; inner and outer of the second; of the third; of the fourth.

    >>> Inception(Style(), 192, (64, 96, 128, 16, 32, 32))(torch.zeros(1, 192, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, style: Style, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, inner2, outer2, inner3, outer3, pooled = widths
        self.branch1 = NamedConv(style, inputs, one, 1)
        self.branch2 = nn.Sequential(NamedConv(style, inputs, inner2, 1), NamedConv(style, inner2, outer2, 3))
        self.branch3 = nn.Sequential(NamedConv(style, inputs, inner3, 1), NamedConv(style, inner3, outer3, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), NamedConv(style, inputs, pooled, 1))
        self.outputs = one + outer2 + outer3 + pooled

    def forward(self, x: Tensor) -> Tensor:
        """[N, sum of the branches' channels, H, W]."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)
