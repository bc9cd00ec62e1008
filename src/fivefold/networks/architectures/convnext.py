"""ConvNeXt: a convolutional network with the habits of transformers.

Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", 2022.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.channel_norm import ChannelNorm
from fivefold.networks.blocks.convnext_block import ConvNextBlock
from fivefold.networks.image_network import ImageNetwork, walk_through
from fivefold.networks.style import Style


def _norm(style: Style, channels: int) -> nn.Module:
    return nn.Identity() if style.norm == "none" else ChannelNorm(channels, 1e-6)


class ConvNext(ImageNetwork):
    """Patches of 4 x 4, four stages of blocks, a normalisation and a dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Its activation, originally gelu; the normalisation is over channels, or none.
        widths: Channels of each stage.
        depths: Blocks of each stage.
        drop: Probability that the last block's branch is left out; it grows linearly from 0 at the first.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        style: Style,
        *,
        widths: Sequence[int] = (96, 192, 384, 768),
        depths: Sequence[int] = (3, 3, 9, 3),
        drop: float = 0.1,
    ) -> None:
        super().__init__(classes, channels, smallest=32)
        norms = "a normalisation 'layer' or 'none' of ConvNeXt"
        require(style.norm in ("layer", "none"), norms, repr(style.norm))
        sizes = f"{len(widths)} and {len(depths)}"
        require(len(widths) == len(depths) == 4, "4 widths and 4 depths", sizes)
        blocks = max(1, sum(depths) - 1)
        layers: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(channels, widths[0], 4, 4), _norm(style, widths[0]))
        ]
        self.ends = {0: "stem"}
        done = 0
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
            if stage > 1:
                before = widths[stage - 2]
                layers.append(nn.Sequential(_norm(style, before), nn.Conv2d(before, width, 2, 2)))
            drops = [drop * (done + i) / blocks for i in range(depth)]
            layers.append(nn.Sequential(*(ConvNextBlock(style, width, drop=p) for p in drops)))
            self.ends[len(layers) - 1] = f"stage{stage}"
            done += depth
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            _norm(style, widths[-1]), nn.Flatten(1), nn.Linear(widths[-1], classes)
        )

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and four stages."""
        return walk_through(self.features, self.ends, x)

    def head(self, x: Tensor) -> Tensor:
        """One dense layer on the normalised mean of all places."""
        y: Tensor = self.classifier(self.avgpool(x))
        return y
