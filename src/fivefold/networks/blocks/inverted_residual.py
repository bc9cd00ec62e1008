"""Inverted residuals: widen, convolve each channel alone, narrow without an activation, add.

Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted residuals and linear bottlenecks", 2018.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from fivefold.networks.blocks.conv_norm import ConvNorm, conv_steps
from fivefold.networks.blocks.squeeze_excite import SqueezeExcite
from fivefold.networks.blocks.stochastic_depth import StochasticDepth
from fivefold.networks.style import Style


def divisible(width: float, by: int = 8) -> int:
    """Round a width to a multiple of ``by``, to at least that, and to no less than 90% of it.

    >>> divisible(18), divisible(19.2), divisible(3)
    (24, 24, 8)
    """
    rounded = max(by, int(width + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * width else rounded


def narrow(style: Style, inputs: int, outputs: int) -> list[nn.Module]:
    """Make the last steps: a 1x1 convolution and its normalisation, no activation."""
    return conv_steps(style, inputs, outputs, 1, act=False)


class InvertedResidual(nn.Module):
    """The block of MobileNetV2: x + f(x) where the shapes agree, f(x) elsewhere.

    Args:
        style: Activation and normalisation.
        inputs: Channels in.
        outputs: Channels out.
        stride: Of the depthwise convolution.
        expansion: How many times wider the middle is than ``inputs``; at 1 it is not widened.

    >>> import torch
    >>> InvertedResidual(Style("relu6"), 8, 16, 2, 6)(torch.zeros(1, 8, 8, 8)).shape
    torch.Size([1, 16, 4, 4])
    """

    def __init__(self, style: Style, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        steps: list[nn.Module] = [ConvNorm(style, inputs, middle, 1)] if expansion != 1 else []
        steps.append(ConvNorm(style, middle, middle, 3, stride, groups=middle))
        self.conv = nn.Sequential(*steps, *narrow(style, middle, outputs))
        self.adds = stride == 1 and inputs == outputs

    @property
    def closing(self) -> nn.Module:
        """The last layer with weights before the sum."""
        return self.conv[-1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / stride, W / stride]."""
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class FlatInvertedResidual(nn.Module):
    """The block of MNASNet: the same sum, its steps in one list, always widened.

    Tan, Chen, Pang, Vasudevan, Sandler, Howard and Le, "MnasNet: Platform-aware neural architecture search",
    2019.
    """

    def __init__(
        self, style: Style, inputs: int, outputs: int, size: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        middle = inputs * expansion
        self.layers = nn.Sequential(
            *conv_steps(style, inputs, middle, 1),
            *conv_steps(style, middle, middle, size, stride, groups=middle),
            *narrow(style, middle, outputs),
        )
        self.adds = stride == 1 and inputs == outputs

    @property
    def closing(self) -> nn.Module:
        """The last layer with weights before the sum."""
        return self.layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / stride, W / stride]."""
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


class ExcitedResidual(nn.Module):
    """The block of MobileNetV3 and EfficientNet: an inverted residual with squeeze and excite.

    Howard et al., "Searching for MobileNetV3", 2019; Tan and Le, "EfficientNet", 2019.

    Args:
        style: Activation and normalisation.
        channels: In, in the middle and out; equal first two are not widened.
        size: Places of the depthwise window.
        stride: Of the depthwise convolution.
        excite: Squeeze and excite before the narrowing, or none.
        drop: Probability that the branch is left out while training.
    """

    def __init__(
        self,
        style: Style,
        channels: Sequence[int],
        size: int,
        stride: int,
        excite: SqueezeExcite | None,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        inputs, middle, outputs = channels
        steps: list[nn.Module] = [ConvNorm(style, inputs, middle, 1)] if middle != inputs else []
        steps.append(ConvNorm(style, middle, middle, size, stride, groups=middle))
        if excite is not None:
            steps.append(excite)
        steps.append(ConvNorm(style, middle, outputs, 1, act=False))
        self.block = nn.Sequential(*steps)
        self.adds = stride == 1 and inputs == outputs
        self.stochastic_depth = StochasticDepth(drop)

    @property
    def closing(self) -> nn.Module:
        """The last layer with weights before the sum."""
        closing = self.block[-1]
        assert isinstance(closing, ConvNorm)
        return closing[-1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / stride, W / stride]."""
        y: Tensor = self.block(x)
        return x + self.stochastic_depth(y) if self.adds else y
