"""First weights of a whole network, from one generator."""

from typing import Any, TypeGuard, cast

import torch
from torch import nn

from fivefold.core import ArgumentError, require
from fivefold.networks.activation_moments import moments
from fivefold.networks.architectures.speedrun import IdentityConv
from fivefold.networks.blocks.blur_pool import BlurPool
from fivefold.networks.blocks.convnext_block import ConvNextBlock
from fivefold.networks.blocks.inverted_residual import (
    ExcitedResidual,
    FlatInvertedResidual,
    InvertedResidual,
)
from fivefold.networks.blocks.residual import BasicBlock, Bottleneck

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, *CONVOLUTIONS, *_TRANSPOSED)
"""Layers that sum their inputs with weights."""
RESET = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    ConvNextBlock,
    BlurPool,
)
"""Layers with numbers of their own that draw none of them."""
INVERTED = (InvertedResidual, FlatInvertedResidual, ExcitedResidual)
BRANCHES = (BasicBlock, Bottleneck, *INVERTED)
_HEAD_SPREAD = 0.01


def is_plain(module: nn.Module) -> TypeGuard[nn.Conv1d | nn.Conv2d | nn.Conv3d]:
    """Whether a module is a convolution of torch's own, whose weight is a parameter that nothing computes.

    >>> is_plain(nn.Conv2d(4, 4, 3)), is_plain(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)))
    (True, False)
    """
    return (
        type(module) in CONVOLUTIONS
        and "weight" in module._parameters
        and not module._forward_hooks
        and not module._forward_pre_hooks
    )


def fan_in(layer: nn.Module) -> int:
    """Count the inputs of each sum of a dense or convolutional layer.

    Of a transposed one, each output meets ``size / stride`` places of the window in each direction.

    >>> fan_in(nn.Conv2d(8, 16, 3, groups=4)), fan_in(nn.Linear(5, 2)), fan_in(nn.ConvTranspose2d(8, 4, 2, 2))
    (18, 5, 8)
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, CONVOLUTIONS):
        return layer.weight[0].numel()
    if isinstance(layer, _TRANSPOSED):
        window = layer.weight.shape[2:].numel() / torch.Size(layer.stride).numel()
        return max(1, round(layer.in_channels // layer.groups * window))
    raise ArgumentError("a dense or a convolutional layer", type(layer).__name__)


def fill_weights_(network: nn.Module, activation: str, generator: torch.Generator | None) -> None:
    r"""Fill all weights in place: W ~ N(0, g^2 / fan_in), biases 0, normalisations the identity.

    With :math:`g^{-2} = E[a(z)^2]`, z ~ N(0, 1), the sums of each layer have the variance of those before
    (He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015). What differs: the last layer with weights
    begins small (spread 0.01), so that a classifier's first loss is about log K; the last layer of a
    residual branch, its normalisation where it has one, begins at 0, so that the sum passes its shortcut
    (Goyal et al., "Accurate, large minibatch SGD", 2017); :class:`IdentityConv` passes channels through.

    Args:
        network: Dense and convolutional layers, and others that draw nothing when they are reset.
        activation: What its layers' inputs went through, one of :data:`~fivefold.networks.style.ACTIVATIONS`.
        generator: Source of randomness; torch's global one where ``None``.

    Raises:
        ArgumentError: A layer with weights that is neither dense, convolutional nor a normalisation.

    >>> layer = nn.Sequential(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 2, 1))
    >>> fill_weights_(layer, "relu", torch.Generator().manual_seed(0))
    >>> round((layer[0].weight.var() * fan_in(layer[0])).item(), 1)
    2.0
    """
    gain = moments(activation, 1.0)[0] ** -0.5
    layers = [module for module in network.modules() if isinstance(module, WEIGHTED)]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, WEIGHTED):
                spread = _HEAD_SPREAD if module is layers[-1] else gain / fan_in(module) ** 0.5
                module.weight.normal_(0.0, spread, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
                if isinstance(module, IdentityConv):
                    module.pass_through()
            elif [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
                known = isinstance(module, RESET)
                require(known, "layers whose first weights are known", type(module).__name__)
                cast(Any, module).reset_parameters()
        for module in network.modules():
            if isinstance(module, BRANCHES) and (not isinstance(module, INVERTED) or module.adds):
                cast(Any, module.closing).weight.zero_()
