"""Yes or no, with the logit link."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fivefold.core import DataError
from fivefold.probability.likelihood import CanonicalLikelihood


class Bernoulli(CanonicalLikelihood):
    r"""Observations 0 or 1 with :math:`P(y = 1) = \sigma(\eta) = 1 / (1 + e^{-\eta})`.

    .. math:: -\log p = \log(1 + e^{-z}), \qquad z = (2 y - 1)\, \eta

    In this form neither tail cancels: a confident right answer keeps its full relative precision.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", chapter 4.

    >>> likelihood = Bernoulli()
    >>> eta, y = torch.tensor([0.0, 700.0], dtype=torch.float64), torch.tensor([1.0, 0.0])
    >>> likelihood.negative_log_density(eta, y)
    tensor([6.9315e-01, 7.0000e+02], dtype=torch.float64)
    """

    def __init__(self) -> None:
        super().__init__("bernoulli")

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return -logsigmoid((2 * y - 1) * eta)

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        sign = 2 * y - 1
        return -sign * torch.sigmoid(-sign * eta)

    def _variance(self, eta: Tensor) -> Tensor:
        return torch.sigmoid(eta) * torch.sigmoid(-eta)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.sigmoid(eta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        return torch.bernoulli(torch.sigmoid(eta), generator=generator)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        bad = y[(y != 0) & (y != 1)]
        if len(bad):
            raise DataError(
                "y of 0 and 1 for a Bernoulli likelihood",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "encode the two classes as 0 and 1, or use another likelihood",
            )
        return y.to(dtype)
