"""Mean and variance of normal observations, both unknown."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import require
from fivefold.probability.conjugate.predictive import Univariate
from fivefold.probability.samples import as_positive, as_sample, as_weights


@dataclass(frozen=True)
class NormalInverseGamma:
    r"""Belief :math:`\sigma^2 \sim IG(a, b)`, :math:`\mu \mid \sigma^2 \sim N(m, \sigma^2/\kappa)`.

    .. math:: \kappa_n = \kappa + n, \quad m_n = \frac{\kappa m + n \bar y}{\kappa_n}, \quad
              a_n = a + \frac n2, \quad
              b_n = b + \frac12 \sum_i (y_i - \bar y)^2 + \frac{\kappa n (\bar y - m)^2}{2 \kappa_n}

    Source: Murphy 2007, "Conjugate Bayesian analysis of the Gaussian distribution", section 6; Gelman et al.
    2013, "Bayesian Data Analysis", section 3.3.

    Args:
        mean: m, in the unit of y.
        strength: :math:`\kappa`, positive: how many observations the prior mean is worth.
        shape: a, positive.
        scale: b, positive, in the squared unit of y.

    Raises:
        ArgumentError: Numbers out of these ranges.

    >>> NormalInverseGamma(0.0, 1.0, 1.0, 1.0).update([1.0, 3.0])
    NormalInverseGamma(mean=1.333..., strength=3.0, shape=2.0, scale=3.333...)
    """

    mean: float
    strength: float
    shape: float
    scale: float

    def __post_init__(self) -> None:
        require(math.isfinite(self.mean), "a finite mean", self.mean)
        for name in ("strength", "shape", "scale"):
            as_positive(getattr(self, name), name)

    def update(self, y: Any, weights: Any = None) -> "NormalInverseGamma":
        """Return the belief after observations ``[n]``; a weight of 2 counts a row twice.

        Raises:
            DataError: Empty or not finite observations, or impossible weights.
        """
        values = as_sample(y, "y", least=1)
        w = as_weights(weights, len(values))
        n = float(w.sum())
        centre = values[0] + float((w * (values - values[0])).sum() / n)
        within = float((w * np.square(values - centre)).sum())
        strength = self.strength + n
        gap = centre - self.mean
        return NormalInverseGamma(
            float(self.mean + n / strength * gap),
            strength,
            self.shape + n / 2,
            float(self.scale + within / 2 + self.strength * n / strength * gap**2 / 2),
        )

    def posterior_mean(self) -> Univariate:
        r"""Return the density of the mean, a t with 2a degrees and scale :math:`\sqrt{b/(a\kappa)}`."""
        return _t(2 * self.shape, self.mean, math.sqrt(self.scale / (self.shape * self.strength)))

    def posterior_variance(self) -> Univariate:
        """Return the density of the variance."""
        from scipy.stats import invgamma

        name = f"InverseGamma({self.shape:g}, {self.scale:g})"
        return Univariate(name, invgamma(self.shape, scale=self.scale))

    def predictive(self) -> Univariate:
        r"""Return the density of the next observation, a t with scale :math:`\sqrt{b (1 + 1/\kappa) / a}`."""
        return _t(2 * self.shape, self.mean, math.sqrt(self.scale * (1 + 1 / self.strength) / self.shape))

    def log_evidence(self, y: Any) -> float:
        r"""Return :math:`\log p(y)`, all observations together, mean and variance integrated out."""
        values = as_sample(y, "y", least=1)
        after = self.update(values)
        ratio = math.lgamma(after.shape) - math.lgamma(self.shape)
        scales = self.shape * math.log(self.scale) - after.shape * math.log(after.scale)
        strengths = 0.5 * math.log(self.strength / after.strength)
        return ratio + scales + strengths - 0.5 * len(values) * math.log(2 * math.pi)


def _t(degrees: float, centre: float, scale: float) -> Univariate:
    from scipy.stats import t

    return Univariate(f"t({degrees:g}; {centre:g}, {scale:g})", t(degrees, centre, scale))
