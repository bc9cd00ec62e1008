"""The mean of normal observations whose standard deviation is known."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import require
from fivefold.probability.conjugate.predictive import Univariate
from fivefold.probability.samples import as_positive, as_sample, as_weights


@dataclass(frozen=True)
class NormalNormal:
    r"""Belief :math:`\mu \sim N(m, s^2)` about the mean of observations :math:`y_i \sim N(\mu, \sigma^2)`.

    .. math:: \frac1{s_n^2} = \frac1{s^2} + \frac{n}{\sigma^2}, \qquad
              m_n = s_n^2 \left( \frac{m}{s^2} + \frac{\sum_i y_i}{\sigma^2} \right)

    Source: Gelman et al. 2013, "Bayesian Data Analysis", section 2.5.

    Args:
        mean: m, in the unit of y.
        sd: s, positive.
        noise_sd: :math:`\sigma`, positive and known.

    Raises:
        ArgumentError: Numbers out of these ranges.

    >>> NormalNormal(mean=0.0, sd=1.0, noise_sd=1.0).update([2.0])
    NormalNormal(mean=1.0, sd=0.707..., noise_sd=1.0)
    """

    mean: float
    sd: float
    noise_sd: float

    def __post_init__(self) -> None:
        require(math.isfinite(self.mean), "a finite mean", self.mean)
        as_positive(self.sd, "sd")
        as_positive(self.noise_sd, "noise_sd")

    def update(self, y: Any, weights: Any = None) -> "NormalNormal":
        """Return the belief after observations ``[n]``; a weight of 2 counts a row twice.

        Raises:
            DataError: Empty or not finite observations, or impossible weights.
        """
        values = as_sample(y, "y", least=1)
        a = as_weights(weights, len(values)) / self.noise_sd**2
        precision = 1 / self.sd**2 + a.sum()
        # The mean moves by its share of the distance: m itself, however large, is not multiplied and divided.
        moved = self.mean + float((a * (values - self.mean)).sum() / precision)
        return NormalNormal(moved, float(precision**-0.5), self.noise_sd)

    def posterior(self) -> Univariate:
        """Return the density of the mean."""
        from scipy.stats import norm

        return Univariate(f"Normal({self.mean:g}, {self.sd:g})", norm(self.mean, self.sd))

    def predictive(self) -> Univariate:
        r"""Return the density of the next observation, :math:`N(m, s^2 + \sigma^2)`."""
        from scipy.stats import norm

        sd = math.hypot(self.sd, self.noise_sd)
        return Univariate(f"Normal({self.mean:g}, {sd:g})", norm(self.mean, sd))

    def log_evidence(self, y: Any) -> float:
        r"""Return :math:`\log p(y)`, all observations together, the mean integrated out."""
        values = as_sample(y, "y", least=1)
        after = self.update(values)
        n, tau = len(values), self.noise_sd**-2
        quadratic = tau * float(np.square(values - after.mean).sum())
        quadratic += ((after.mean - self.mean) / self.sd) ** 2
        logs = n * math.log(2 * math.pi * self.noise_sd**2) + 2 * math.log(self.sd / after.sd)
        return -0.5 * (quadratic + logs)
