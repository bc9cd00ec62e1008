"""Counts, with the log link."""

from typing import Any

import torch
from torch import Tensor

from fivefold.core import DataError
from fivefold.probability.likelihood import CanonicalLikelihood


class Poisson(CanonicalLikelihood):
    r"""Counts with rate :math:`e^\eta`; an exposure enters as an offset of its logarithm.

    .. math:: -\log p = e^\eta - y \eta + \log y!

    The rate overflows beyond :math:`\eta \approx 709` in float64 (88 in float32); the value is then infinite,
    never NaN.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", chapter 6.

    >>> Poisson().negative_log_density(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor([1.6931])
    """

    def __init__(self) -> None:
        super().__init__("poisson")

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(eta) - y * eta + torch.lgamma(y + 1)

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(eta) - y

    def _variance(self, eta: Tensor) -> Tensor:
        return torch.exp(eta)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(eta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        return torch.poisson(torch.exp(eta), generator=generator)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        counts = y.to(dtype)
        bad = counts[(counts < 0) | (counts != counts.round())]
        if len(bad):
            raise DataError(
                "y of counts 0, 1, 2, ... for a Poisson likelihood",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "pass counts (and an exposure as an offset), or use another likelihood",
            )
        return counts
