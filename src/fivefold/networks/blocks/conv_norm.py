"""A convolution, the normalisation after it, and an activation: the word that most architectures repeat."""

from torch import nn

from fivefold.networks.style import Style


def convolution(
    inputs: int,
    outputs: int,
    size: int = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    padding: int | None = None,
    bias: bool = False,
) -> nn.Conv2d:
    """Make a convolution that, at stride 1, keeps the size: its padding is half of its window.

    >>> convolution(3, 8, 5).padding, convolution(3, 8, 5, padding=0).padding
    ((2, 2), (0, 0))
    """
    if padding is None:
        padding = (size - 1) // 2
    return nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=bias)


def conv_steps(
    style: Style,
    inputs: int,
    outputs: int,
    size: int = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    act: bool = True,
    bias: bool = False,
) -> list[nn.Module]:
    """Make the steps of convolution, normalisation (none where the style has none) and activation.

    ``bias`` asks for one even where a normalisation follows, as old checkpoints have it.

    >>> [type(step).__name__ for step in conv_steps(Style(), 3, 8)]
    ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    bias = bias or style.bias
    steps: list[nn.Module] = [convolution(inputs, outputs, size, stride, groups=groups, bias=bias)]
    if style.norm != "none":
        steps.append(style.norm_of(outputs))
    return [*steps, style.act()] if act else steps


class ConvNorm(nn.Sequential):
    """Convolution, normalisation and activation as one module.

    Args:
        style: Which normalisation and activation.
        inputs: Channels that come in.
        outputs: Channels that go out.
        size: Places of the square window.
        stride: Stride.
        groups: Groups of channels that are convolved apart; ``inputs`` for a depthwise one.
        act: Whether the activation follows.

    >>> import torch
    >>> ConvNorm(Style(), 3, 8, stride=2)(torch.zeros(1, 3, 9, 9)).shape
    torch.Size([1, 8, 5, 5])
    """

    def __init__(
        self,
        style: Style,
        inputs: int,
        outputs: int,
        size: int = 3,
        stride: int = 1,
        *,
        groups: int = 1,
        act: bool = True,
    ) -> None:
        super().__init__(*conv_steps(style, inputs, outputs, size, stride, groups=groups, act=act))
