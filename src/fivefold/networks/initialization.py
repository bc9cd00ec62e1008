"""First weights that keep the variance of activations and gradients through the depth."""

import math

import torch
from torch import Tensor

# gain = E[a(z)^2]^(-1/2) for z ~ N(0, 1): the second moment of the activation, by quadrature. For relu this
# is He's sqrt(2); torch's table has no gelu or silu.
GAINS = {"relu": math.sqrt(2.0), "gelu": 1.5336, "silu": 1.6765, "tanh": 1.5925, "selu": 1.0, "linear": 1.0}


def initialize_(weight: Tensor, bias: Tensor, activation: str, generator: torch.Generator | None) -> None:
    r"""Fill a layer in place: W ~ N(0, gain^2 / in), b ~ U(-1, 1) / sqrt(in).

    ``gain`` belongs to the activation that the layer's *inputs* went through, so that the layer's sums have
    variance 1 whenever the sums before them had. Biases are spread because relu kinks that all pass through
    the origin waste units on tables. He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.

    Args:
        weight: [..., in, out], overwritten.
        bias: [..., out], overwritten.
        activation: A key of :data:`GAINS`; ``"linear"`` for the first layer.
        generator: Source of randomness; torch's global one where ``None``.

    >>> W, b = torch.empty(100, 50), torch.empty(50)
    >>> initialize_(W, b, "linear", torch.Generator().manual_seed(0))
    >>> 0.095 < W.std().item() < 0.105
    True
    """
    fan_in = max(1, weight.shape[-2])
    with torch.no_grad():
        weight.normal_(0.0, GAINS[activation] / math.sqrt(fan_in), generator=generator)
        bias.uniform_(-1.0, 1.0, generator=generator).div_(math.sqrt(fan_in))
