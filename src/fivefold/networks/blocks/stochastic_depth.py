"""Stochastic depth: a residual branch is left out at random while training."""

import torch
from torch import Tensor, nn

from fivefold.core import require


class StochasticDepth(nn.Module):
    r"""Multiply each example's branch by b / (1 - p), b ~ Bernoulli(1 - p), while training.

    Huang, Sun, Liu, Sedra and Weinberger, "Deep networks with stochastic depth", 2016; its mean is the
    branch.

    Args:
        probability: p in [0, 1) that a branch is left out.

    Raises:
        ArgumentError: A probability outside [0, 1).

    >>> StochasticDepth(0.5).eval()(torch.ones(2, 3)).sum().item()
    6.0
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        require(0.0 <= probability < 1.0, "a probability in [0, 1)", probability)
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Branches [N, ...], some of them 0."""
        if not self.training or self.probability == 0.0:
            return x
        kept = 1.0 - self.probability
        first = x[(slice(None), *(slice(0, 1),) * (x.ndim - 1))]
        return x * (torch.bernoulli(torch.full_like(first, kept)) / kept)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.probability:g}"
