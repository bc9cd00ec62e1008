"""MobileNet V3: inverted residuals with squeeze and excite, found by a search and trimmed by hand.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le and Adam, "Searching for MobileNetV3",
2019, tables 1 and 2.
"""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import ConvNorm
from fivefold.networks.blocks.inverted_residual import ExcitedResidual, divisible
from fivefold.networks.blocks.squeeze_excite import SqueezeExcite
from fivefold.networks.image_network import ImageNetwork, end_stage, walk_through
from fivefold.networks.style import Style

LARGE = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)
SMALL = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)
"""Window, channels in the middle and out, squeeze and excite, the style's own activation (else relu),
stride."""


class MobileNetV3(ImageNetwork):
    """A convolution, inverted residuals, a 1x1 convolution to six times the channels, two dense layers.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally hardswish, and relu in the first blocks.
        form: ``"large"`` or ``"small"``.
        dropout: Probability before the last dense layer.

    Raises:
        ArgumentError: Another form.
    """

    def __init__(self, classes: int, channels: int, style: Style, *, form: str, dropout: float = 0.2) -> None:
        super().__init__(classes, channels)
        require(form in ("large", "small"), "a form 'large' or 'small'", repr(form))
        early = replace(style, activation="relu") if style.activation == "hardswish" else style
        width = 16
        layers: list[nn.Module] = [ConvNorm(style, channels, width, 3, 2)]
        self.ends: dict[int, str] = {}
        for size, middle, outputs, excites, own, stride in LARGE if form == "large" else SMALL:
            if stride == 2:
                end_stage(self.ends, layers)
            excite = (
                SqueezeExcite(middle, divisible(middle // 4), nn.ReLU(), nn.Hardsigmoid())
                if excites
                else None
            )
            block_style = style if own else early
            layers.append(ExcitedResidual(block_style, (width, middle, outputs), size, stride, excite))
            width = outputs
        last, hidden = 6 * width, 1280 if form == "large" else 1024
        layers.append(ConvNorm(style, width, last, 1))
        end_stage(self.ends, layers)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(last, hidden), style.act(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages, each at half the size of the one before."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """Two dense layers on the mean of all places."""
        y: Tensor = self.classifier(x.mean((2, 3)))
        return y
