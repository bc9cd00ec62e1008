"""The two choices that every architecture leaves open: its activation and its normalisation."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from types import MappingProxyType

from torch import nn

from fivefold.core import require
from fivefold.networks.blocks.channel_norm import ChannelNorm

_LAYERS: MappingProxyType[str, Callable[[bool], nn.Module]] = MappingProxyType(
    {
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "leaky_relu": lambda in_place: nn.LeakyReLU(0.1, in_place),
        "elu": lambda in_place: nn.ELU(inplace=in_place),
        "gelu": lambda _: nn.GELU(),
        "silu": nn.SiLU,
        "hardswish": nn.Hardswish,
        "sigmoid": lambda _: nn.Sigmoid(),
        "tanh": lambda _: nn.Tanh(),
        "linear": lambda _: nn.Identity(),
    }
)
ACTIVATIONS = tuple(_LAYERS)
"""Activations of architectures; ``leaky_relu`` has the slope 0.1 below 0."""

NORMS = ("batch", "group", "instance", "layer", "none")


def activation_layer(name: str, *, in_place: bool) -> nn.Module:
    """Make a new activation layer, one of :data:`ACTIVATIONS`; it overwrites its input where told so and
    able to.

    >>> activation_layer("relu", in_place=True)
    ReLU(inplace=True)
    """
    require(name in _LAYERS, f"an activation among {', '.join(ACTIVATIONS)}", repr(name))
    return _LAYERS[name](in_place)


@dataclass(frozen=True)
class Style:
    """Which activation and which normalisation the blocks of a network use.

    Args:
        activation: One of :data:`ACTIVATIONS`.
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
        known = f"an activation among {', '.join(ACTIVATIONS)}"
        require(self.activation in ACTIVATIONS, known, repr(self.activation))
        require(self.norm in NORMS, f"a normalisation among {', '.join(NORMS)}", repr(self.norm))

    @property
    def bias(self) -> bool:
        """Whether a convolution needs a bias: a normalisation after it brings its own."""
        return self.norm == "none"

    def act(self, *, in_place: bool = True) -> nn.Module:
        """Make a new activation layer; in place where what comes in is the fresh output of a layer."""
        return activation_layer(self.activation, in_place=in_place)

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
