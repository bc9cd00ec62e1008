"""The number to name when being too low costs another price than being too high."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivefold.core import require
from fivefold.probability.samples import Array, as_matrix, as_positive, as_weights


class NumberLoss(ABC):
    """What an answer costs when the truth is another number."""

    @abstractmethod
    def cost(self, answer: Any, truth: Any) -> Array:
        """Return the cost, at least 0, in the broadcast shape."""

    @abstractmethod
    def _best(self, draws: Array, weights: Array) -> Array:
        """Return the answer of least mean cost for each row of draws ``[n, S]``."""

    def answer(self, draws: Any, weights: Any = None) -> Array:
        r"""Return the answer of least expected cost, :math:`\arg\min_a E[\mathrm{cost}(a, y)]`.

        Args:
            draws: Of the predictive distribution, ``[n, S]``: a row per case.
            weights: Of the draws, ``[S]``; equal by default.

        Returns:
            ``[n]``.

        Raises:
            DataError: Draws that are not finite, or impossible weights.
            ArgumentError: Not ``[n, S]``.
        """
        require(np.ndim(draws) == 2, "draws [n, S]", f"shape {np.shape(draws)}")
        values = as_matrix(draws, "the draws", least=1)
        a = as_weights(weights, values.shape[1])
        return self._best(values, a / a.sum())

    def expected_cost(self, answer: Any, draws: Any, weights: Any = None) -> tuple[Array, Array]:
        """Return the mean cost of answers ``[n]`` over draws ``[n, S]``, and its Monte Carlo standard error.

        The draws must be independent for the standard error to hold.
        """
        values = as_matrix(draws, "the draws", least=1)
        a = as_weights(weights, values.shape[1])
        a = a / a.sum()
        costs = self.cost(np.asarray(answer, dtype=np.float64)[:, None], values)
        mean = costs @ a
        return mean, np.sqrt(np.square(costs - mean[:, None]) @ np.square(a))


@dataclass(frozen=True)
class SquaredLoss(NumberLoss):
    """Cost (a - y)^2; the answer is the mean.

    >>> SquaredLoss().answer([[1.0, 2.0, 6.0]])
    array([3.])
    """

    def cost(self, answer: Any, truth: Any) -> Array:
        """Return the cost, at least 0, in the broadcast shape."""
        found: Array = np.square(np.asarray(answer, dtype=np.float64) - truth)
        return found

    def _best(self, draws: Array, weights: Array) -> Array:
        first = draws[:, :1]
        found: Array = first[:, 0] + (draws - first) @ weights
        return found


@dataclass(frozen=True)
class PinballLoss(NumberLoss):
    r"""Cost u per unit too low and o per unit too high; the answer is the quantile at :math:`u / (u + o)`.

    .. math:: \mathrm{cost}(a, y) = u \max(y - a, 0) + o \max(a - y, 0)

    Equal prices give the median. The newsvendor's order is this quantile of the demand.

    Source: Koenker & Bassett 1978, "Regression quantiles", Econometrica 46; Berger 1985, section 4.4.2.

    Args:
        under: u, positive: the price of one unit too little.
        over: o, positive: the price of one unit too much.

    >>> PinballLoss(under=3.0, over=1.0).answer([[1.0, 2.0, 3.0, 4.0, 5.0]])
    array([4.])
    """

    under: float = 1.0
    over: float = 1.0

    def __post_init__(self) -> None:
        as_positive(self.under, "price of one unit too little")
        as_positive(self.over, "price of one unit too much")

    def cost(self, answer: Any, truth: Any) -> Array:
        """Return the cost, at least 0, in the broadcast shape."""
        gap = np.asarray(truth, dtype=np.float64) - answer
        found: Array = np.where(gap > 0, self.under * gap, -self.over * gap)
        return found

    def _best(self, draws: Array, weights: Array) -> Array:
        order = np.argsort(draws, axis=1)
        below = np.cumsum(weights[order], axis=1)
        # The smallest draw that reaches the level; the tolerance lets rounded sums of equal weights reach it.
        index = (below < self.under / (self.under + self.over) - 1e-12).sum(1).clip(max=draws.shape[1] - 1)
        rows = np.arange(len(draws))
        found: Array = draws[rows, order[rows, index]]
        return found


@dataclass(frozen=True)
class LinexLoss(NumberLoss):
    r"""Cost :math:`e^{c (a - y)} - c (a - y) - 1`: exponential on one side, linear on the other.

    .. math:: a^* = -\tfrac1c \log E[e^{-c y}]

    For a normal prediction that is :math:`\mu - c \sigma^2 / 2`. With c > 0 too high is the costly side.

    Source: Zellner 1986, "Bayesian estimation and prediction using asymmetric loss functions", JASA 81.

    Args:
        sharpness: c, not 0, in 1 / the unit of y.

    >>> LinexLoss(1.0).answer([[0.0, 2.0]]).round(4)
    array([0.5662])
    """

    sharpness: float

    def __post_init__(self) -> None:
        as_positive(abs(self.sharpness), "size of the sharpness")

    def cost(self, answer: Any, truth: Any) -> Array:
        """Return the cost, at least 0, in the broadcast shape."""
        z = self.sharpness * (np.asarray(answer, dtype=np.float64) - truth)
        found: Array = np.expm1(z) - z
        return found

    def _best(self, draws: Array, weights: Array) -> Array:
        z = -self.sharpness * draws
        # Draws of weight 0 must not decide the largest exponent.
        top = np.where(weights > 0, z, -np.inf).max(1, keepdims=True)
        with np.errstate(over="ignore"):
            sums = np.where(weights > 0, weights * np.exp(np.minimum(z - top, 0)), 0).sum(1)
        found: Array = -(top[:, 0] + np.log(sums)) / self.sharpness
        return found
