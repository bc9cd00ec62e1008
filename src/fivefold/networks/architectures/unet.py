"""U-Net: down through four poolings, up again, what was seen on the way down joined on the way up.

Ronneberger, Fischer and Brox, "U-Net: Convolutional networks for biomedical image segmentation", 2015;
padded, so that the answer has the picture's size.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import conv_steps
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style


class UNet(ImageNetwork):
    """One output per class and pixel.

    Args:
        classes: Outputs of each pixel.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally relu and none.
        width: Channels of the first level; they double at each of ``depth`` poolings.
        depth: Poolings, 1 to 6.

    Raises:
        ArgumentError: No channel, or another depth.

    >>> UNet(2, 1, Style(), width=4, depth=2)(torch.zeros(1, 1, 13, 18)).shape
    torch.Size([1, 2, 13, 18])
    """

    def __init__(self, classes: int, channels: int, style: Style, *, width: int = 64, depth: int = 4) -> None:
        require(width >= 1, "at least 1 channel", width)
        require(1 <= depth <= 6, "1 to 6 poolings", depth)
        super().__init__(classes, channels, smallest=2**depth)

        def double(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(*conv_steps(style, inputs, outputs), *conv_steps(style, outputs, outputs))

        widths = [width * 2**level for level in range(depth + 1)]
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(double(m, n) for m, n in zip([channels, *widths], widths, strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in widths[-2::-1])
        self.up = nn.ModuleList(double(2 * n, n) for n in widths[-2::-1])
        self.last = nn.Conv2d(width, classes, 1)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the levels on the way down, ``down1`` first, of the picture's size; then those up."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down, start=1):
            x = block(self.pool(x) if kept else x)
            kept.append(x)
            yield f"down{level}", x
        pairs = zip(self.rise, self.up, reversed(kept[:-1]), strict=True)
        for level, (rise, block, beside) in enumerate(pairs, start=1):
            x = rise(x)
            # odd sizes: the pooling dropped a row or a column
            missing = (0, beside.shape[3] - x.shape[3], 0, beside.shape[2] - x.shape[2])
            x = block(torch.cat([beside, F.pad(x, missing)], dim=1))
            yield f"up{level}", x

    def head(self, x: Tensor) -> Tensor:
        """[N, classes, H, W]."""
        y: Tensor = self.last(x)
        return y
