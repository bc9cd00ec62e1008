"""Blur pooling: smooth before leaving places out, so that a shifted picture gives a shifted answer."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.core import require


class BlurPool(nn.Module):
    r"""Convolve each channel with binomial weights :math:`b b^\top / 2^{2(k-1)}`, then take every s-th place.

    Zhang, "Making convolutional networks shift-invariant again", 2019. Edges are reflected.

    Args:
        size: k in 1 to 7, weights of the row b of Pascal's triangle.
        stride: s, at least 1.

    Raises:
        ArgumentError: A size or a stride out of its range.

    >>> BlurPool()(torch.full((1, 2, 4, 4), 5.0)).flatten().unique().tolist()
    [5.0]
    """

    kernel: Tensor

    def __init__(self, size: int = 3, stride: int = 2) -> None:
        super().__init__()
        require(1 <= size <= 7, "a window of 1 to 7 places", size)
        require(stride >= 1, "a stride of at least 1", stride)
        self.size, self.stride = size, stride
        self.register_buffer("kernel", torch.empty(size, size), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the weights: the row of Pascal's triangle by itself, to the sum 1."""
        row = torch.ones(1)
        for _ in range(self.size - 1):
            row = F.pad(row, (0, 1)) + F.pad(row, (1, 0))
        row = row / row.sum()
        self.kernel.copy_(row[:, None] * row)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, ceil(H / s), ceil(W / s)]."""
        before = (self.size - 1) // 2
        after = self.size - 1 - before
        channels, shape = x.shape[1], list(x.shape[2:])
        require(min(shape) > after, f"at least {after + 1} x {after + 1} pixels to blur", shape)
        kernel = self.kernel.to(x.dtype).expand(channels, 1, -1, -1)
        padded = F.pad(x, (before, after, before, after), mode="reflect")
        return F.conv2d(padded, kernel, stride=self.stride, groups=channels)
