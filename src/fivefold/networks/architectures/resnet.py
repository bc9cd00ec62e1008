"""ResNet: residual blocks in stages, in the forms for ImageNet and for CIFAR.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, sections 4.1 and 4.2.
"""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import ConvNorm, convolution
from fivefold.networks.blocks.residual import BasicBlock, Bottleneck, PadShortcut
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style

Block = BasicBlock | Bottleneck
Make = Callable[[Style, int, int, int, nn.Module | None], Block]


def stage_of(
    style: Style, make: Make, inputs: int, width: int, outputs: int, repeat: int, stride: int, *, pads: bool
) -> nn.Sequential:
    """Make ``repeat`` blocks, the first with the stride and the shortcut."""
    shortcut: nn.Module | None = None
    if stride != 1 or inputs != outputs:
        # option A of the paper, or B
        shortcut = (
            PadShortcut(inputs, outputs, stride)
            if pads
            else ConvNorm(style, inputs, outputs, 1, stride, act=False)
        )
    first = make(style, inputs, width, stride, shortcut)
    return nn.Sequential(first, *(make(style, outputs, width, 1, None) for _ in range(repeat - 1)))


class ResNet(ImageNetwork):
    """A 7x7 window and a pooling, then four stages of residual blocks, their mean, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        block: ``"basic"`` or ``"bottleneck"``.
        repeats: Blocks of each of the four stages.
        groups: Of a bottleneck's 3x3 convolution.
        group_width: Channels of each group in the first stage.

    >>> import torch
    >>> network = ResNet(10, 3, Style(), block="basic", repeats=(2, 2, 2, 2))
    >>> found = network.intermediate(torch.zeros(1, 3, 64, 64))
    >>> {name: tuple(x.shape[1:]) for name, x in found.items() if name in ("stem", "stage4")}
    {'stem': (64, 16, 16), 'stage4': (512, 2, 2)}
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        style: Style,
        *,
        block: str,
        repeats: Sequence[int],
        groups: int = 1,
        group_width: int = 64,
    ) -> None:
        super().__init__(classes, channels)
        require(block in ("basic", "bottleneck"), "a block 'basic' or 'bottleneck'", repr(block))
        basic = block == "basic"
        require(len(repeats) == 4 and min(repeats) >= 1, "4 stages of at least 1 block", list(repeats))
        plain = groups == 1 and group_width == 64
        require(plain or not basic, "groups for bottlenecks alone", f"{groups} of {group_width} channels")

        def make(style: Style, inputs: int, width: int, stride: int, shortcut: nn.Module | None) -> Block:
            if basic:
                return BasicBlock(style, inputs, width, stride, shortcut)
            return Bottleneck(style, inputs, width, stride, shortcut, groups=groups, group_width=group_width)

        self.conv1 = convolution(channels, 64, 7, 2, bias=style.bias)
        self.bn1, self.relu = style.norm_of(64), style.act()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        expansion = 1 if basic else Bottleneck.expansion
        inputs = 64
        stages: list[nn.Sequential] = []
        for repeat, width in zip(repeats, (64, 128, 256, 512), strict=True):
            outputs = width * expansion
            stride = 2 if stages else 1
            stages.append(stage_of(style, make, inputs, width, outputs, repeat, stride, pads=False))
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        yield "stem", x
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        yield from walk_through(stages, {i: f"stage{i + 1}" for i in range(4)}, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.fc(x.mean((2, 3)))
        return y


class CifarResNet(ImageNetwork):
    """A 3x3 window, three stages of n basic blocks with 16, 32 and 64 channels: 6n + 2 layers with weights.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation.
        depth: 6n + 2: 20, 32, 44, 56, 110, ...
        width: Channels of the first stage.
        shortcut: ``"pad"`` (option A, no weights) or ``"project"`` (option B, 1x1).

    Raises:
        ArgumentError: Another depth or shortcut.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        style: Style,
        *,
        depth: int = 20,
        width: int = 16,
        shortcut: str = "pad",
    ) -> None:
        super().__init__(classes, channels)
        require(depth >= 8 and depth % 6 == 2, "a depth of 6 n + 2: 8, 14, 20, ...", depth)
        require(width >= 1, "at least 1 channel", width)
        require(shortcut in ("pad", "project"), "a shortcut 'pad' or 'project'", repr(shortcut))
        self.conv1 = convolution(channels, width, 3, bias=style.bias)
        self.bn1, self.relu = style.norm_of(width), style.act()
        inputs, stages = width, []
        for i in range(3):
            outputs = width * 2**i
            stages.append(
                stage_of(
                    style,
                    BasicBlock,
                    inputs,
                    outputs,
                    outputs,
                    depth // 6,
                    2 if i else 1,
                    pads=shortcut == "pad",
                )
            )
            inputs = outputs
        self.layer1, self.layer2, self.layer3 = stages
        self.fc = nn.Linear(inputs, classes)

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and three stages."""
        x = self.relu(self.bn1(self.conv1(x)))
        yield "stem", x
        yield from walk_through(
            (self.layer1, self.layer2, self.layer3), {i: f"stage{i + 1}" for i in range(3)}, x
        )

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the mean of all places."""
        y: Tensor = self.fc(x.mean((2, 3)))
        return y
