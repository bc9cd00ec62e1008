"""The unit of ShuffleNet V2: half of the channels pass, half are convolved, then both are interleaved.

Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture design", 2018.
"""

import torch
from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import conv_steps
from fivefold.networks.style import Style


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of groups: channel i of group g comes to place i groups + g.

    >>> shuffle(torch.arange(6.0).reshape(1, 6, 1, 1), 2).flatten().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """
    n, channels, height, width = x.shape
    return x.reshape(n, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


class ShuffleUnit(nn.Module):
    """Split, convolve one half (1x1, 3x3 each channel alone, 1x1), join, shuffle; both halves where it
    strides.

    Args:
        style: Activation and normalisation.
        inputs: Channels in; equal to ``outputs`` at stride 1.
        outputs: Channels out, even.
        stride: 1 or 2.

    >>> ShuffleUnit(Style(), 24, 116, 2)(torch.zeros(1, 24, 8, 8)).shape
    torch.Size([1, 116, 4, 4])
    """

    def __init__(self, style: Style, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(
                *conv_steps(style, inputs, inputs, 3, stride, groups=inputs, act=False),
                *conv_steps(style, inputs, half, 1),
            )
        self.branch2 = nn.Sequential(
            *conv_steps(style, inputs if stride > 1 else half, half, 1),
            *conv_steps(style, half, half, 3, stride, groups=half, act=False),
            *conv_steps(style, half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / stride, W / stride]."""
        if self.stride > 1:
            pair = self.branch1(x), self.branch2(x)
        else:
            passed, convolved = x.chunk(2, dim=1)
            pair = passed, self.branch2(convolved)
        return shuffle(torch.cat(pair, dim=1), 2)
