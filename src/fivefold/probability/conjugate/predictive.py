"""A density of one variable: of a parameter after the data, or of the next observation."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivefold.probability.samples import as_level

Array = NDArray[np.float64]


class Univariate:
    """A distribution with density, moments, quantiles and draws, carried by SciPy.

    Args:
        name: Its name in the field, with its parameters.
        frozen: A frozen distribution of ``scipy.stats``.
        discrete: Whether it has probabilities instead of a density.

    >>> from scipy.stats import norm
    >>> Univariate("Normal(0, 2)", norm(0, 2)).interval(0.95)
    (-3.919..., 3.919...)
    """

    def __init__(self, name: str, frozen: Any, *, discrete: bool = False) -> None:
        self.name = name
        self.discrete = discrete
        self._frozen = frozen

    def log_density(self, y: ArrayLike) -> Array:
        """Return the log density, or the log probability of a discrete variable, in the shape of y."""
        found = self._frozen.logpmf(y) if self.discrete else self._frozen.logpdf(y)
        return np.asarray(found, dtype=np.float64)

    @property
    def mean(self) -> float:
        """The expectation; NaN or infinite where there is none."""
        return float(self._frozen.mean())

    @property
    def variance(self) -> float:
        """The variance; NaN or infinite where there is none."""
        return float(self._frozen.var())

    def quantile(self, probability: ArrayLike) -> Array:
        """Return the quantiles at probabilities between 0 and 1."""
        return np.asarray(self._frozen.ppf(probability), dtype=np.float64)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval with equal tails that holds at least the probability ``level``."""
        tail = (1 - as_level(level)) / 2
        low, high = self.quantile([tail, 1 - tail])
        return float(low), float(high)

    def sample(self, count: int, generator: np.random.Generator) -> Array:
        """Draw ``[count]``."""
        return np.asarray(self._frozen.rvs(count, random_state=generator), dtype=np.float64)

    def __repr__(self) -> str:
        return self.name
