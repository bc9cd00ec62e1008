"""The probabilities of K classes behind their counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import DataError, require
from fivefold.probability.conjugate.predictive import Array, Univariate
from fivefold.probability.samples import as_counts, as_sample


@dataclass(frozen=True, eq=False)
class DirichletMultinomial:
    r"""Belief :math:`p \sim \mathrm{Dirichlet}(\alpha)` about multinomial counts y of n with probabilities p.

    .. math:: \alpha' = \alpha + y, \qquad
              p(y) = \frac{n!\; \Gamma(A)}{\Gamma(A + n)}
              \prod_k \frac{\Gamma(\alpha_k + y_k)}{y_k!\; \Gamma(\alpha_k)},
              \quad A = \sum_k \alpha_k

    Source: Gelman et al. 2013, "Bayesian Data Analysis", section 3.4.

    Args:
        alpha: Prior counts ``[K]``, positive, K at least 2.

    Raises:
        DataError: Not such numbers.

    >>> belief = DirichletMultinomial([1.0, 1.0, 1.0]).update([727, 583, 137])  # a poll before an election
    >>> belief.mean.round(4)
    array([0.5021, 0.4028, 0.0952])
    """

    alpha: Array

    def __post_init__(self) -> None:
        alpha = as_sample(self.alpha, "alpha")
        if (alpha <= 0).any():
            raise DataError("positive numbers in alpha", f"{alpha.min():g}", "a flat belief has alpha = 1")
        object.__setattr__(self, "alpha", alpha)

    def update(self, counts: Any) -> "DirichletMultinomial":
        """Return the belief after the counts of the classes ``[K]``.

        Raises:
            DataError: Impossible counts.
            ArgumentError: Another number of classes.
        """
        return DirichletMultinomial(self.alpha + self._counts(counts))

    @property
    def mean(self) -> Array:
        """The expected probabilities ``[K]``; also those of the next single observation."""
        found: Array = self.alpha / self.alpha.sum()
        return found

    @property
    def covariance(self) -> Array:
        """The covariance of the probabilities ``[K, K]``."""
        p = self.mean
        found: Array = (np.diag(p) - np.outer(p, p)) / (self.alpha.sum() + 1)
        return found

    def posterior(self, k: int) -> Univariate:
        """Return the density of one class's probability.

        Raises:
            ArgumentError: No such class.
        """
        from scipy.stats import beta

        require(0 <= k < len(self.alpha), f"a class from 0 to {len(self.alpha) - 1}", k)
        a, b = float(self.alpha[k]), float(self.alpha.sum() - self.alpha[k])
        return Univariate(f"Beta({a:g}, {b:g})", beta(a, b))

    def predictive_log_probability(self, counts: Any) -> float:
        """Return the log probability of the counts ``[K]`` of the next observations."""
        from scipy.special import gammaln

        y = self._counts(counts)
        n, A = y.sum(), self.alpha.sum()
        ways = gammaln(n + 1) - gammaln(y + 1).sum()
        parts = (gammaln(self.alpha + y) - gammaln(self.alpha)).sum()
        return float(ways + gammaln(A) - gammaln(A + n) + parts)

    def log_evidence(self, counts: Any) -> float:
        r"""Return :math:`\log p(y)` of seen counts: the same number, under the belief before them."""
        return self.predictive_log_probability(counts)

    def sample_predictive(self, n: int, size: int, generator: np.random.Generator) -> Array:
        """Draw the counts of the next n observations, ``[size, K]``."""
        require(n >= 1 and size >= 1, "n and size of at least 1", (n, size))
        return generator.multinomial(n, generator.dirichlet(self.alpha, size)).astype(np.float64)

    def _counts(self, counts: Any) -> Array:
        y = as_counts(counts, "counts")
        require(len(y) == len(self.alpha), f"{len(self.alpha)} counts, one per class", len(y))
        return y
