"""How far two forms of one network are apart on the same pictures."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import NumericalError, require

LEAST = 1e-12
"""Probabilities below this count as this: there float32 holds no logarithm worth comparing."""


@dataclass(frozen=True)
class Parity:
    """How two forms of one network agree.

    Attributes:
        pictures: How many were compared.
        difference: Largest difference of log-probabilities over pictures and classes.
        agreement: Share of the pictures to which both give the same most probable class.
    """

    pictures: int
    difference: float
    agreement: float

    def to_record(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self)


def measure_parity(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> Parity:
    r"""Compare probabilities [n, K]: :math:`\max |\log p - \log q|` and the share of equal classes.

    A picture whose two best classes are equal to rounding in both forms counts as agreement.

    Args:
        expected: Probabilities [n, K] of the original.
        found: Those of the other form.

    Raises:
        ArgumentError: Other shapes, none, or numbers that are no probabilities.
        NumericalError: The other form gave NaN or infinity.

    >>> measure_parity(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]))
    Parity(pictures=1, difference=0.0, agreement=1.0)
    """
    same = expected.shape == found.shape and expected.ndim == 2 and expected.size > 0
    require(same, "two arrays [n, K] of the same shape", (expected.shape, found.shape))
    p, q = expected.astype(np.float64), found.astype(np.float64)
    if not np.isfinite(q).all():
        raise NumericalError(
            "finite probabilities of the other form", "NaN or infinity", "look at its numbers layer by layer"
        )
    valid = all(bool(np.isfinite(x).all() and (x >= 0).all() and (x <= 1.0 + 1e-5).all()) for x in (p, q))
    require(valid, "probabilities between 0 and 1", "others")
    gap = np.abs(np.log(np.maximum(p, LEAST)) - np.log(np.maximum(q, LEAST)))
    rows = np.arange(len(p))
    ours, theirs = p.argmax(1), q.argmax(1)
    tied = (p[rows, ours] - p[rows, theirs] <= 1e-6) & (q[rows, theirs] - q[rows, ours] <= 1e-6)
    return Parity(len(p), float(gap.max()), float(((ours == theirs) | tied).mean()))
