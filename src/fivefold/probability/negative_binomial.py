"""Counts that vary more than Poisson counts, with the log link."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fivefold.core import DataError
from fivefold.probability.likelihood import Likelihood
from fivefold.probability.stirling import log_gamma_ratio

_NODES = 320


class NegativeBinomial(Likelihood):
    r"""Counts with mean :math:`\mu = e^\eta` and variance :math:`\mu + \alpha \mu^2`.

    .. math:: -\log p = r \log(1 + e^u) + y \log(1 + e^{-u}) - \log\frac{\Gamma(y + r)}{\Gamma(r)\, y!},
              \qquad r = 1 / \alpha, \quad u = \eta + \log\alpha

    The own parameter is :math:`\theta = \log\alpha`, the log dispersion; as it falls, the Poisson density
    is reached without a loss of digits. Jointly in :math:`(\eta, \theta)` this is not convex.

    Source: Hilbe 2011, "Negative Binomial Regression", chapter 8 (form NB2); Lawless 1987, "Negative binomial
    and mixed Poisson regression", Canadian J. Statistics 15.

    >>> likelihood, zero = NegativeBinomial(), torch.zeros(1, dtype=torch.float64)
    >>> torch.exp(-likelihood.negative_log_density(zero, zero, zero))  # 1 / (1 + mu) at alpha = 1
    tensor([0.5000], dtype=torch.float64)
    """

    def __init__(self) -> None:
        super().__init__("negative_binomial", parameters=1, convex=False)

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        r, u = torch.exp(-theta), eta + theta
        ratio = log_gamma_ratio(y, r) - torch.lgamma(y + 1)
        return -r * logsigmoid(-u) - y * logsigmoid(u) - ratio

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        u = eta + theta
        return torch.exp(-theta) * torch.sigmoid(u) - y * torch.sigmoid(-u)

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        u = eta + theta
        return (torch.exp(-theta) + y) * torch.sigmoid(u) * torch.sigmoid(-u)

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(-theta) * torch.sigmoid(eta + theta)

    def _shape_slope(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        # r (D_r - log(1 + e^u)): what theta adds to the gradient beside its part in u.
        r = torch.exp(-theta)
        return r * (log_gamma_ratio(y, r, 1) + logsigmoid(-(eta + theta)))

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return (self._gradient(eta, y, theta) + self._shape_slope(eta, y, theta))[..., None]

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        r, fisher = torch.exp(-theta), self._fisher(eta, theta)
        cross = self._curvature(eta, y, theta) - fisher
        own = cross - self._shape_slope(eta, y, theta) - r.square() * log_gamma_ratio(y, r, 2) - fisher
        return cross[..., None], own[..., None, None]

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        r = torch.exp(-theta)
        own = (r.square() * _trigamma_drop(eta, theta) - self._fisher(eta, theta)).clamp(min=0)
        return torch.zeros_like(eta)[..., None], own[..., None, None]

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.exp(eta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        # A Poisson count whose rate is gamma distributed.
        r = torch.exp(-theta).expand(eta.shape).contiguous()
        rate = torch._standard_gamma(r, generator=generator) * torch.exp(eta + theta)
        return torch.poisson(rate, generator=generator)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        counts = y.to(dtype)
        bad = counts[(counts < 0) | (counts != counts.round())]
        if len(bad):
            raise DataError(
                "y of counts 0, 1, 2, ... for a negative binomial likelihood",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "pass counts (and an exposure as an offset), or use another likelihood",
            )
        return counts

    def _initial_theta(self, y: Tensor) -> Tensor:
        # The moments of y alone; predictors can only take variance away, so this is only a start.
        counts = y.to(torch.float64)
        mean = counts.mean().clamp(min=0.5)
        alpha = (counts.var(correction=0) - mean) / mean.square()
        return alpha.clamp(0.05, 20.0).log().reshape(1)


def _trigamma_drop(eta: Tensor, theta: Tensor) -> Tensor:
    r"""Return :math:`\psi_1(r) - E\,\psi_1(Y + r)`, for which there is no closed form.

    .. math:: \int_0^\infty \frac{t e^{-rt}}{1 - e^{-t}} \left(1 - (1 + \alpha\mu (1 - e^{-t}))^{-r}\right) dt

    from the integral form of the trigamma function and the generating function of Y. In :math:`v = \log t`
    the integrand is analytic for :math:`|\operatorname{Im} v| < \pi/2` and dies out at both ends, so that the
    trapezoidal rule with step h errs by :math:`e^{-\pi^2/h}`: 3e-15 even for a range of 95 over the nodes.
    """
    r = torch.exp(-theta)
    smallest = torch.minimum(-eta, torch.minimum(theta, torch.zeros_like(theta)))
    low, high = smallest - 20, 6.6 - torch.minimum(-theta, torch.zeros_like(theta))
    fraction = torch.linspace(0, 1, _NODES, dtype=eta.dtype, device=eta.device)
    span = (high - low)[..., None]
    t = torch.exp(low[..., None] + span * fraction)
    s = -torch.expm1(-t)
    changed = -torch.expm1(-r[..., None] * torch.log1p(torch.exp(eta + theta)[..., None] * s))
    terms = t.square() * torch.exp(-r[..., None] * t) / s * changed
    return (terms * span).sum(-1) / (_NODES - 1)
