"""The rate behind counts."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import DataError, require
from fivefold.probability.conjugate.predictive import Univariate
from fivefold.probability.samples import as_counts, as_positive, as_sample, as_weights


@dataclass(frozen=True)
class GammaPoisson:
    r"""Belief :math:`\lambda \sim \mathrm{Gamma}(a, b)` about Poisson counts with means :math:`e_i \lambda`.

    .. math:: a' = a + \sum_i y_i, \qquad b' = b + \sum_i e_i

    Source: Gelman et al. 2013, "Bayesian Data Analysis", section 2.6.

    Args:
        shape: a, positive.
        rate: b, positive, in units of exposure; the mean of the belief is a / b.

    Raises:
        ArgumentError: Numbers that are not positive.

    >>> GammaPoisson(3.0, 5.0).update([3], exposure=[2.0])  # asthma deaths in a city of 200,000
    GammaPoisson(shape=6.0, rate=7.0)
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        as_positive(self.shape, "shape")
        as_positive(self.rate, "rate")

    def update(self, counts: Any, exposure: Any = 1.0, weights: Any = None) -> "GammaPoisson":
        """Return the belief after counts ``[n]``, each over an exposure (one number, or ``[n]``).

        Raises:
            DataError: Impossible counts, exposures or weights.
        """
        y, e = _check(counts, exposure)
        w = as_weights(weights, len(y))
        return GammaPoisson(float(self.shape + (w * y).sum()), float(self.rate + (w * e).sum()))

    def posterior(self) -> Univariate:
        """Return the density of the rate."""
        from scipy.stats import gamma

        return Univariate(f"Gamma({self.shape:g}, {self.rate:g})", gamma(self.shape, scale=1 / self.rate))

    def predictive(self, exposure: float = 1.0) -> Univariate:
        """Return the probabilities of the next count: negative binomial."""
        from scipy.stats import nbinom

        share = self.rate / (self.rate + as_positive(exposure, "exposure"))
        name = f"NegativeBinomial({self.shape:g}, {share:g})"
        return Univariate(name, nbinom(self.shape, share), discrete=True)

    def log_evidence(self, counts: Any, exposure: Any = 1.0) -> float:
        r"""Return :math:`\log p(y)`, all counts together, the rate integrated out."""
        from scipy.special import gammaln

        y, e = _check(counts, exposure)
        after = self.update(y, e)
        own = float((y * np.log(e) - gammaln(y + 1)).sum())
        prior = self.shape * math.log(self.rate) - math.lgamma(self.shape)
        return own + prior + math.lgamma(after.shape) - after.shape * math.log(after.rate)


def _check(counts: Any, exposure: Any) -> tuple[Any, Any]:
    y = as_sample(counts, "counts", least=1)
    if (y != 0).any():  # all zero is possible here
        as_counts(y, "counts")
    e = as_sample(
        np.broadcast_to(exposure, y.shape) if np.ndim(exposure) == 0 else exposure, "exposure", least=1
    )
    require(len(e) == len(y), f"{len(y)} exposures, one per count", len(e))
    if (e <= 0).any():
        raise DataError("positive exposures", f"{e.min():g}", "drop rows without exposure")
    return y, e
