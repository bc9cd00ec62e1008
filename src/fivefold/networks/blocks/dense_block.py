"""Dense blocks: every layer sees what all layers before it gave.

Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", 2017.
"""

import torch
from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.style import Style


class DenseLayer(nn.Module):
    """Normalise, activate, 1x1 to four times the growth; the same, 3x3 to the growth.

    >>> DenseLayer(Style(), 64, 32)([torch.zeros(1, 64, 4, 4)]).shape
    torch.Size([1, 32, 4, 4])
    """

    def __init__(self, style: Style, inputs: int, growth: int) -> None:
        super().__init__()
        # not in place: where the style has no norm, what comes in is what other layers see too
        self.norm1, self.relu1 = style.norm_of(inputs), style.act(in_place=False)
        self.conv1 = convolution(inputs, 4 * growth, 1, bias=style.bias)
        self.norm2, self.relu2 = style.norm_of(4 * growth), style.act()
        self.conv2 = convolution(4 * growth, growth, 3, bias=style.bias)

    def forward(self, before: list[Tensor]) -> Tensor:
        """``growth`` new channels from all that came before."""
        x = self.conv1(self.relu1(self.norm1(torch.cat(before, dim=1))))
        y: Tensor = self.conv2(self.relu2(self.norm2(x)))
        return y


class DenseBlock(nn.ModuleDict):
    """``depth`` dense layers; what comes in and all that they give go out together."""

    def __init__(self, style: Style, inputs: int, growth: int, depth: int) -> None:
        super().__init__(
            {f"denselayer{i + 1}": DenseLayer(style, inputs + i * growth, growth) for i in range(depth)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs + depth * growth, H, W]."""
        seen = [x]
        for layer in self.values():
            seen.append(layer(seen))
        return torch.cat(seen, dim=1)


class Transition(nn.Sequential):
    """Between two dense blocks: normalise, activate, 1x1 to half of the channels, mean of 2x2."""

    def __init__(self, style: Style, inputs: int, outputs: int) -> None:
        super().__init__()
        self.add_module("norm", style.norm_of(inputs))
        self.add_module("relu", style.act(in_place=False))
        self.add_module("conv", convolution(inputs, outputs, 1, bias=style.bias))
        self.add_module("pool", nn.AvgPool2d(2, 2))
