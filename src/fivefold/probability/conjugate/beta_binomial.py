"""The probability of success behind counts out of n."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import DataError, require
from fivefold.probability.conjugate.predictive import Univariate
from fivefold.probability.samples import as_counts, as_positive, as_sample, as_weights


@dataclass(frozen=True)
class BetaBinomial:
    r"""Belief :math:`p \sim \mathrm{Beta}(a, b)` about successes :math:`y_i \sim \mathrm{Binomial}(n_i, p)`.

    .. math:: a' = a + \sum_i y_i, \qquad b' = b + \sum_i (n_i - y_i)

    Source: Gelman et al. 2013, "Bayesian Data Analysis", section 2.4.

    Args:
        a: Prior successes, positive; 1 and 1 is the uniform belief, 0.5 and 0.5 Jeffreys'.
        b: Prior failures, positive.

    Raises:
        ArgumentError: Numbers that are not positive.

    >>> BetaBinomial(1.0, 1.0).update([437], [980])  # girls among births with placenta praevia
    BetaBinomial(a=438.0, b=544.0)
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        as_positive(self.a, "a")
        as_positive(self.b, "b")

    def update(self, successes: Any, trials: Any = 1, weights: Any = None) -> "BetaBinomial":
        """Return the belief after successes ``[k]`` out of trials (one number, or ``[k]``).

        Raises:
            DataError: Counts that are negative, not whole or above their trials, or impossible weights.
        """
        y, n = _check(successes, trials)
        w = as_weights(weights, len(y))
        return BetaBinomial(float(self.a + (w * y).sum()), float(self.b + (w * (n - y)).sum()))

    def posterior(self) -> Univariate:
        """Return the density of the probability of success."""
        from scipy.stats import beta

        return Univariate(f"Beta({self.a:g}, {self.b:g})", beta(self.a, self.b))

    def predictive(self, trials: int = 1) -> Univariate:
        """Return the probabilities of 0, ..., ``trials`` successes in the next trials.

        Raises:
            ArgumentError: Fewer than 1 trial.
        """
        from scipy.stats import betabinom

        require(isinstance(trials, int) and trials >= 1, "at least 1 trial", trials)
        name = f"BetaBinomial({trials}, {self.a:g}, {self.b:g})"
        return Univariate(name, betabinom(trials, self.a, self.b), discrete=True)

    def log_evidence(self, successes: Any, trials: Any = 1) -> float:
        r"""Return :math:`\log p(y)`, all counts together, the probability integrated out."""
        from scipy.special import betaln, gammaln

        y, n = _check(successes, trials)
        after = self.update(y, n)
        ways = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
        return float(ways.sum() + betaln(after.a, after.b) - betaln(self.a, self.b))


def _check(successes: Any, trials: Any) -> tuple[Any, Any]:
    y = as_sample(successes, "successes", least=1)
    n = as_counts(np.broadcast_to(trials, y.shape) if np.ndim(trials) == 0 else trials, "trials")
    require(len(n) == len(y), f"{len(y)} trials, one per count", len(n))
    bad = y[(y < 0) | (y > n) | (y != np.round(y))]
    if len(bad):
        raise DataError(
            "successes from 0 to their trials",
            f"{len(bad)} other values, such as {bad[0]:g}",
            "pass the trials",
        )
    return y, n


def beta_from_moments(mean: float, sd: float) -> BetaBinomial:
    """Return the belief with this mean and standard deviation.

    Raises:
        ArgumentError: No beta density has them.

    >>> beta_from_moments(0.5, math.sqrt(1 / 12))
    BetaBinomial(a=1.0..., b=1.0...)
    """
    possible = 0 < mean < 1 and 0 < sd < math.sqrt(mean * (1 - mean))
    require(possible, "a mean in (0, 1) and 0 < sd < sqrt(mean (1 - mean))", (mean, sd))
    size = mean * (1 - mean) / sd**2 - 1
    return BetaBinomial(mean * size, (1 - mean) * size)
