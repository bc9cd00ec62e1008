"""The two choices that every architecture leaves open: its activation and its normalisation."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType

from torch import nn

from fivefold.core import require
from fivefold.networks.blocks.channel_norm import ChannelNorm

ACTIVATION_LAYERS: MappingProxyType[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        # in place: what comes in is always the fresh output of a layer
        "relu": lambda: nn.ReLU(inplace=True),
        "relu6": lambda: nn.ReLU6(inplace=True),
        "leaky_relu": lambda: nn.LeakyReLU(0.1, inplace=True),
        "elu": lambda: nn.ELU(inplace=True),
        "gelu": nn.GELU,
        "silu": lambda: nn.SiLU(inplace=True),
        "hardswish": lambda: nn.Hardswish(inplace=True),
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "linear": nn.Identity,
    }
)

NORMS = ("batch", "group", "instance", "layer", "none")


@dataclass(frozen=True)
class Style:
    """Which activation and which normalisation the blocks of a network use.

    Args:
        activation: One of :data:`ACTIVATION_LAYERS`.
        norm: ``batch``; ``group`` (groups of at least 8 channels, at most 32 groups); ``instance``;
            ``layer`` (over the channels of each place); or ``none``, whereupon convolutions have biases.
        epsilon: Added to the variances.
        momentum: Weight of the newest batch in batch norm's running statistics.

    Raises:
        ArgumentError: An unknown name.

    >>> Style("gelu", "none").norm_of(8), Style().bias
    (Identity(), False)
    """

    activation: str = "relu"
    norm: str = "batch"
    epsilon: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self) -> None:
        names = ", ".join(ACTIVATION_LAYERS)
        require(self.activation in ACTIVATION_LAYERS, f"an activation among {names}", repr(self.activation))
        require(self.norm in NORMS, f"a normalisation among {', '.join(NORMS)}", repr(self.norm))

    @property
    def bias(self) -> bool:
        """Whether a convolution needs a bias: a normalisation after it brings its own."""
        return self.norm == "none"

    def act(self) -> nn.Module:
        """Make a new activation layer."""
        return ACTIVATION_LAYERS[self.activation]()

    def norm_of(self, channels: int) -> nn.Module:
        """Make a new normalisation of so many channels."""
        if self.norm == "batch":
            return nn.BatchNorm2d(channels, self.epsilon, self.momentum)
        if self.norm == "group":
            groups = gcd(channels, 32)
            while groups > 1 and channels // groups < 8:
                groups //= 2
            return nn.GroupNorm(groups, channels, self.epsilon)
        if self.norm == "instance":
            return nn.InstanceNorm2d(channels, self.epsilon, affine=True)
        return ChannelNorm(channels, self.epsilon) if self.norm == "layer" else nn.Identity()
