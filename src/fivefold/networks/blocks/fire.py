"""The fire module of SqueezeNet: few channels, then 1x1 and 3x3 windows side by side.

Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet", arXiv 1602.07360, 2016.
"""

import torch
from torch import Tensor, nn

from fivefold.networks.style import Style


class Fire(nn.Module):
    """Squeeze to few channels, expand by both windows, join.

    >>> Fire(Style(norm="none"), 64, 16, 64)(torch.zeros(1, 64, 8, 8)).shape
    torch.Size([1, 128, 8, 8])
    """

    def __init__(self, style: Style, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_norm, self.squeeze_act = style.norm_of(squeezed), style.act()
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand_norm, self.expand_act = style.norm_of(2 * expanded), style.act()

    def forward(self, x: Tensor) -> Tensor:
        """[N, 2 expanded, H, W]."""
        x = self.squeeze_act(self.squeeze_norm(self.squeeze(x)))
        y = torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1)
        out: Tensor = self.expand_act(self.expand_norm(y))
        return out
