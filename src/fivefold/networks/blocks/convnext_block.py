"""The block of ConvNeXt: a wide depthwise window, then a dense network at each place.

Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", 2022.
"""

import torch
from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.blocks.stochastic_depth import StochasticDepth
from fivefold.networks.style import Style


class Permute(nn.Module):
    """Put the axes in another order."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers, axes in order."""
        return x.permute(self.axes)


class ConvNextBlock(nn.Module):
    """x + γ f(x): depthwise 7x7, layer norm over channels, to four times the width, activation, and back.

    Args:
        style: Its activation; the normalisation is over the channels, and none where the style has none.
        width: Channels in and out.
        scale: First value of every γ.
        drop: Probability that the branch is left out while training.
    """

    def __init__(self, style: Style, width: int, scale: float = 1e-6, drop: float = 0.0) -> None:
        super().__init__()
        self.first_scale = scale
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), scale))
        self.block = nn.Sequential(
            convolution(width, width, 7, groups=width, bias=True),
            Permute(0, 2, 3, 1),
            nn.Identity() if style.norm == "none" else nn.LayerNorm(width, 1e-6),
            nn.Linear(width, 4 * width),
            style.act(),
            nn.Linear(4 * width, width),
            Permute(0, 3, 1, 2),
        )
        self.stochastic_depth = StochasticDepth(drop)

    def reset_parameters(self) -> None:
        """Fill γ with its first value."""
        nn.init.constant_(self.layer_scale, self.first_scale)

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, H, W]."""
        branch: Tensor = self.stochastic_depth(self.layer_scale * self.block(x))
        return x + branch
