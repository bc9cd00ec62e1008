"""Residual blocks: what is learned is added to what came in.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016; widths and groups of the
bottleneck after Zagoruyko and Komodakis, "Wide residual networks", 2016, and Xie et al., "Aggregated
residual transformations", 2017. The stride lies on the 3x3 convolution of a bottleneck, as in every
checkpoint in use, and not on its first.
"""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.style import Style


class PadShortcut(nn.Module):
    """The shortcut without weights: every ``stride``-th place, zeros for the new channels (He et al., option
    A).

    >>> import torch
    >>> PadShortcut(2, 4, 2)(torch.ones(1, 2, 6, 6)).sum((2, 3)).tolist()
    [[0.0, 9.0, 9.0, 0.0]]
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        extra = outputs - inputs
        self.stride, self.before, self.after = stride, extra // 2, extra - extra // 2

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, ceil(H / s), ceil(W / s)]."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: a(x' + f(x)).

    Args:
        style: Activation and normalisation.
        inputs: Channels in.
        width: Channels of both convolutions, and out.
        stride: Of the first convolution.
        shortcut: What brings ``x`` to the shape of ``f(x)``; ``None`` where it has it.
    """

    expansion = 1

    def __init__(
        self, style: Style, inputs: int, width: int, stride: int = 1, shortcut: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, width, 3, stride, bias=style.bias)
        self.bn1 = style.norm_of(width)
        self.relu = style.act()
        self.conv2 = convolution(width, width, 3, bias=style.bias)
        self.bn2 = style.norm_of(width)
        self.downsample = shortcut

    @property
    def closing(self) -> nn.Module:
        """The last layer with weights before the sum."""
        return self.conv2 if isinstance(self.bn2, nn.Identity) else self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, H / stride, W / stride]."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y = y + (x if self.downsample is None else self.downsample(x))
        out: Tensor = self.relu(y)
        return out


class Bottleneck(nn.Module):
    """1x1 to few channels, 3x3 among them, 1x1 to four times the width: a(x' + f(x)).

    Args:
        style: Activation and normalisation.
        inputs: Channels in.
        width: A quarter of the channels out.
        stride: Of the 3x3 convolution.
        shortcut: What brings ``x`` to the shape of ``f(x)``; ``None`` where it has it.
        groups: Of the 3x3 convolution.
        group_width: Channels of each group where ``width`` is 64; they grow with it.
    """

    expansion = 4

    def __init__(
        self,
        style: Style,
        inputs: int,
        width: int,
        stride: int = 1,
        shortcut: nn.Module | None = None,
        *,
        groups: int = 1,
        group_width: int = 64,
    ) -> None:
        super().__init__()
        inner = width * group_width // 64 * groups
        outputs = width * self.expansion
        self.conv1 = convolution(inputs, inner, 1, bias=style.bias)
        self.bn1 = style.norm_of(inner)
        self.conv2 = convolution(inner, inner, 3, stride, groups=groups, bias=style.bias)
        self.bn2 = style.norm_of(inner)
        self.conv3 = convolution(inner, outputs, 1, bias=style.bias)
        self.bn3 = style.norm_of(outputs)
        self.relu = style.act()
        self.downsample = shortcut

    @property
    def closing(self) -> nn.Module:
        """The last layer with weights before the sum."""
        return self.conv3 if isinstance(self.bn3, nn.Identity) else self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """[N, 4 width, H / stride, W / stride]."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))
        out: Tensor = self.relu(y)
        return out
