"""Layer normalisation over the channels of each place."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    r"""Normalise every place of a picture over its channels: y = γ (x - mean_c x) / sqrt(var_c x + ε) + β.

    Ba, Kiros and Hinton, "Layer normalization", arXiv 1607.06450, 2016, as ConvNeXt applies it to pictures.

    >>> import torch
    >>> y = ChannelNorm(4)(torch.arange(16.0).reshape(1, 4, 2, 2) ** 2)
    >>> bool((y.mean(1).abs() < 1e-5).all())
    True
    """

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__(channels, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, H, W] over C."""
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)
