"""An estimated information, with what is known about its error."""

import math
from dataclasses import dataclass

from fivefold.core import Certificate
from fivefold.probability.samples import as_level


@dataclass(frozen=True, eq=False, slots=True)
class InformationEstimate:
    """An entropy, divergence or mutual information in nats.

    Args:
        quantity: What was estimated.
        value: In nats; not clipped, so that an estimate of nothing may fall below 0.
        standard_error: Of the value.
        degrees: Degrees of freedom of the standard error; infinite for the normal distribution.
        rows: How many observations it rests on.
        method: How value and standard error were obtained.
        least: The smallest possible value, 0 for a divergence.
        certificates: What holds, and what was checked.

    >>> InformationEstimate("entropy", math.log(2), 0.01, math.inf, 100, "known").bits
    1.0
    """

    quantity: str
    value: float
    standard_error: float
    degrees: float
    rows: int
    method: str
    least: float = -math.inf
    certificates: tuple[Certificate, ...] = ()

    @property
    def bits(self) -> float:
        """The value in bits."""
        return self.value / math.log(2)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval of the level in nats: value plus or minus t quantile times standard error.

        Raises:
            ArgumentError: A level outside (0, 1).
        """
        from scipy.stats import norm, t

        upper = 0.5 + as_level(level) / 2
        factor = float(norm.ppf(upper) if math.isinf(self.degrees) else t.ppf(upper, self.degrees))
        half = factor * self.standard_error
        return max(self.value - half, self.least), max(self.value + half, self.least)
