"""Positive numbers whose spread grows with their mean, with the log link."""

import math
from typing import Any

import torch
from torch import Tensor

from fivefold.core import DataError
from fivefold.probability.likelihood import Likelihood
from fivefold.probability.stirling import stirling_remainder


class Gamma(Likelihood):
    r"""Positive observations with mean :math:`\mu = e^\eta` and coefficient of variation :math:`k^{-1/2}`.

    .. math:: -\log p = k (e^z - z - 1) + \tfrac12 \log\frac{2\pi}{k} + s(k) + \log y,
              \qquad z = \log y - \eta

    with s what Stirling's formula leaves over: the usual form, in which large terms cancel, rewritten. The
    own parameter is :math:`\theta = \log k`, the log shape. Jointly in :math:`(\eta, \theta)` this is not
    convex.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", chapter 8.

    >>> likelihood, one = Gamma(), torch.ones(1, dtype=torch.float64)
    >>> likelihood.negative_log_density(0 * one, 2 * one, 0 * one)  # shape 1 is the exponential density
    tensor([2.], dtype=torch.float64)
    """

    def __init__(self) -> None:
        super().__init__("gamma", parameters=1, convex=False)

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        k, log = torch.exp(theta), torch.log(y)
        z = log - eta
        constant = 0.5 * (math.log(2 * math.pi) - theta) + stirling_remainder(k)
        return k * (torch.expm1(z) - z) + constant + log

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return -torch.exp(theta) * torch.expm1(torch.log(y) - eta)

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(theta + torch.log(y) - eta)

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(theta).expand(eta.shape)

    def _theta_slope(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        k, z = torch.exp(theta), torch.log(y) - eta
        return k * (torch.expm1(z) - z) - 0.5 + k * stirling_remainder(k, 1)

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._theta_slope(eta, y, theta)[..., None]

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        own = self._theta_slope(eta, y, theta) + self._information(theta)
        return self._gradient(eta, y, theta)[..., None], own[..., None, None]

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        own = self._information(theta).expand(eta.shape)
        return torch.zeros_like(eta)[..., None], own[..., None, None]

    def _information(self, theta: Tensor) -> Tensor:
        # k^2 trigamma(k) - k.
        k = torch.exp(theta)
        return 0.5 + k.square() * stirling_remainder(k, 2)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(eta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        k = torch.exp(theta).expand(eta.shape).contiguous()
        drawn = torch._standard_gamma(k, generator=generator) * torch.exp(eta - theta)
        # A tiny shape draws numbers below the smallest that the dtype can hold; 0 would be impossible.
        return drawn.clamp(min=torch.finfo(eta.dtype).tiny)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        numbers = y.to(dtype)
        bad = numbers[numbers <= 0]
        if len(bad):
            raise DataError(
                "positive y for a gamma likelihood",
                f"{len(bad)} others, such as {bad[0].item():g}",
                "drop those rows, or use a likelihood that allows zero and negative numbers",
            )
        return numbers

    def _initial_theta(self, y: Tensor) -> Tensor:
        # Minka's approximation to the maximum for rows of one mean: s = log mean(y) - mean(log y).
        numbers = y.to(torch.float64)
        s = (numbers.mean().log() - numbers.log().mean()).clamp(min=1e-6)
        k = (3 - s + ((s - 3).square() + 24 * s).sqrt()) / (12 * s)
        return k.log().reshape(1)
