r"""The gamma family at a given shape, and the shape that given predictors call for.

With :math:`z = \log y - \eta` and the deviance :math:`D = 2 \sum (e^z - z - 1)` the likelihood of the shape
:math:`k` is stationary where

.. math:: \log k - \psi(k) = \frac{D}{2 n}

As for the variance of a Gaussian, the intercept and the effective number of coefficients :math:`\gamma` that
made D small are taken off the rows, :math:`n - 1 - \gamma` (McCullagh and Nelder,
Generalized Linear Models, 1989, section 8.3).
"""

from typing import Any

import torch
from torch import Tensor

from fivefold.probability import Gamma, Likelihood
from fivefold.probability.stirling import stirling_remainder

_STEPS = 30
_RANGE = (1e-12, 1e12)


class GammaOfShape(Likelihood):
    r"""Positive observations with mean :math:`e^\eta` and a known shape k: :class:`Gamma` at one parameter.

    Args:
        shape: k, positive; the coefficient of variation is :math:`k^{-1/2}`.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> GammaOfShape(1.0).negative_log_density(0 * one, 2 * one)  # shape 1 is the exponential density
    tensor([2.], dtype=torch.float64)
    """

    def __init__(self, shape: float) -> None:
        super().__init__("gamma of shape", parameters=0, convex=True)
        self.shape = shape
        self._gamma = Gamma()

    def _theta(self, eta: Tensor) -> Tensor:
        return torch.full((*eta.shape[:-1], 1), self.shape, dtype=eta.dtype, device=eta.device).log()

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name, "shape": self.shape}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._gamma._value(eta, y, self._theta(eta))

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._gamma._gradient(eta, y, self._theta(eta))

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._gamma._curvature(eta, y, self._theta(eta))

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        return self._gamma._fisher(eta, self._theta(eta))

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return eta.new_zeros((*eta.shape, 0))

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self._theta_fisher(eta, theta)

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        return eta.new_zeros((*eta.shape, 0)), eta.new_zeros((*eta.shape, 0, 0))

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return self._gamma._mean(eta, theta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        return self._gamma._sample(eta, generator, self._theta(eta))

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        return self._gamma._support(y, dtype)

    def _initial_theta(self, y: Tensor) -> Tensor:
        return torch.zeros(0, dtype=torch.float64, device=y.device)


def shape_of(z: Tensor, weights: Tensor | None = None, effective: float = 0.0) -> float:
    r"""Return the shape k that rows with :math:`z = \log y - \eta` call for.

    Newton's method on :math:`\log(\log k - \psi(k))` as a function of :math:`\log k`, which is nearly a
    straight line of slope -1; the difference is formed by what Stirling's formula leaves over, so that
    nothing cancels where k is large.

    Args:
        z: ``[n]``.
        weights: ``[n]`` of mean one.
        effective: Effective number of coefficients that were fitted to the rows.

    >>> exponential = torch.log(-torch.log((torch.arange(1000) + 0.5) / 1000))
    >>> round(shape_of(exponential), 2)
    1.0
    """
    z = z.to(torch.float64)
    deviance = 2.0 * (torch.expm1(z) - z)
    total = float(deviance.sum() if weights is None else weights @ deviance)
    s = min(max(total / (2.0 * max(len(z) - 1.0 - effective, 1.0)), _RANGE[0]), _RANGE[1])
    # Minka's approximation: exact to 1.5% everywhere
    k = torch.tensor((3 - s + ((s - 3) ** 2 + 24 * s) ** 0.5) / (12 * s), dtype=torch.float64)
    for _ in range(_STEPS):
        gap = 0.5 / k - stirling_remainder(k, 1)
        slope = -(0.5 / k + k * stirling_remainder(k, 2)) / gap
        step = torch.log(gap / s) / slope
        k = k * torch.exp(-step)
        if abs(float(step)) < 1e-12:
            break
    return float(k)
