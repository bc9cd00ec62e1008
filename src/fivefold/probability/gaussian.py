"""The normal distribution around the predictor."""

import math
from typing import Any

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.probability.likelihood import Likelihood


class Gaussian(Likelihood):
    r"""Normal observations :math:`y \sim N(\eta, \sigma^2)`, with the identity link.

    .. math:: -\log p = \tfrac12 \left( \log 2\pi + s + (y - \eta)^2 e^{-s} \right), \qquad s = \log \sigma^2

    With ``sd=None`` the log variance s is the likelihood's one parameter and stands in ``w`` after the
    model's. Jointly in :math:`(\eta, s)` this is not convex.

    Source: Nelder & Wedderburn 1972, "Generalized linear models", JRSS A 135.

    Args:
        sd: The standard deviation in the unit of y, positive; ``None`` makes the log variance a parameter.

    Raises:
        ArgumentError: ``sd`` is not positive and finite.

    >>> Gaussian(sd=2.0).gradient(torch.tensor([1.0]), torch.tensor([5.0]))
    tensor([-1.])
    >>> Gaussian().parameters
    1
    """

    def __init__(self, sd: float | None = None) -> None:
        require(sd is None or 0 < sd < math.inf, "a positive, finite sd, or None", sd)
        super().__init__("gaussian", parameters=int(sd is None), convex=sd is not None)
        self.sd = None if sd is None else float(sd)

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name, "sd": self.sd}

    def _log_variance(self, theta: Tensor) -> Tensor:
        # Shape [..., 1], so that it broadcasts over the rows.
        return theta if self.sd is None else theta.new_full((1,), 2 * math.log(self.sd))

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        s = self._log_variance(theta)
        return 0.5 * (math.log(2 * math.pi) + s + (y - eta).square() * torch.exp(-s))

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return (eta - y) * torch.exp(-self._log_variance(theta))

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._fisher(eta, theta)

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(-self._log_variance(theta)).expand(eta.shape)

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        if self.sd is not None:
            return eta.new_zeros((*eta.shape, 0))
        return (0.5 * (1 - (y - eta).square() * torch.exp(-theta)))[..., None]

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        if self.sd is not None:
            return eta.new_zeros((*eta.shape, 0)), eta.new_zeros((*eta.shape, 0, 0))
        precision = torch.exp(-theta)
        return ((y - eta) * precision)[..., None], (0.5 * (y - eta).square() * precision)[..., None, None]

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        q = self.parameters
        return eta.new_zeros((*eta.shape, q)), eta.new_full((*eta.shape, q, q), 0.5)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return eta

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        noise = torch.randn(eta.shape, generator=generator, dtype=eta.dtype, device=eta.device)
        return eta + torch.exp(0.5 * self._log_variance(theta)) * noise

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        return y.to(dtype)

    def _initial_theta(self, y: Tensor) -> Tensor:
        # A constant target has no spread to start from; 1 is as good as any.
        spread = y.to(torch.float64).var(correction=0)
        start = torch.where(spread > 0, spread, torch.ones_like(spread)).log()
        return start.expand(self.parameters).clone()
