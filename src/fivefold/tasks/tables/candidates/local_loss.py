r"""What local fits minimise: how a shift of the linear predictor changes the loss of a row.

Every loss knows, for rows and shifts :math:`s` away from the global linear predictor :math:`\eta`, its value,
its force :math:`-\ell'(\eta + s)` and its curvature :math:`\ell''(\eta + s)`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_FLAT = 1e-6
"""Curvature below which a row is taken to say nothing."""


class Loss(Protocol):
    """Loss of rows under shifts of their linear predictors."""

    def value(self, rows: Index, shift: Floats) -> Floats:
        """Return the loss, constants aside; ``rows`` and ``shift`` of one shape."""
        ...

    def pull(self, rows: Index, shift: Floats) -> tuple[Floats, Floats]:
        """Return force and curvature."""
        ...


@dataclass(frozen=True, eq=False)
class Squared:
    r"""Half the squared error, :math:`(r - s)^2 / 2` with residuals r ``[n]``.

    >>> force, curvature = Squared(np.array([1.0, 3.0])).pull(np.array([1]), np.array([0.5]))
    >>> force.tolist(), curvature.tolist()
    ([2.5], [1.0])
    """

    residual: Floats

    def value(self, rows: Index, shift: Floats) -> Floats:
        """Return the loss."""
        return np.asarray(0.5 * (self.residual[rows] - shift) ** 2)

    def pull(self, rows: Index, shift: Floats) -> tuple[Floats, Floats]:
        """Return force and curvature."""
        return np.asarray(self.residual[rows] - shift), np.ones_like(shift)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


@dataclass(frozen=True, eq=False)
class Ordered:
    r"""Negative log probability of an ordered class under proportional odds, cutpoints held.

    .. math:: \ell = \log(1 + e^{-a}) + \log(1 + e^b) + \text{constant}, \qquad
              a = c_y - \eta - s, \; b = c_{y-1} - \eta - s

    with infinite cutpoints beyond the first and the last class. It is convex in the shift.

    Attributes:
        eta: ``[n]`` global linear predictors.
        lower: ``[n]`` cutpoint below every row's class.
        upper: ``[n]`` cutpoint above it.

    >>> loss = Ordered.of(np.zeros(2), np.array([-1.0, 1.0]), np.array([1.0, 2.0]))
    >>> force, _ = loss.pull(np.array([0, 1]), np.zeros(2))
    >>> force.round(3).tolist()
    [0.0, 0.731]
    """

    eta: Floats
    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, eta: Floats, cutpoints: Floats, y: Floats) -> "Ordered":
        """Return the loss of classes ``y [n]`` (codes) for rising cutpoints ``[K - 1]``."""
        ends = np.r_[-np.inf, cutpoints, np.inf]
        code = y.astype(np.int64)
        return cls(eta, ends[code], ends[code + 1])

    def _ends(self, rows: Index, shift: Floats) -> tuple[Floats, Floats]:
        eta = self.eta[rows] + shift
        return self.upper[rows] - eta, self.lower[rows] - eta

    def value(self, rows: Index, shift: Floats) -> Floats:
        """Return the loss without the term that no shift changes."""
        a, b = self._ends(rows, shift)
        return np.asarray(np.logaddexp(0.0, -a) + np.logaddexp(0.0, b))

    def pull(self, rows: Index, shift: Floats) -> tuple[Floats, Floats]:
        """Return force and curvature."""
        a, b = self._ends(rows, shift)
        above, below = _sigmoid(-a), _sigmoid(b)
        return below - above, np.asarray(above * (1.0 - above) + below * (1.0 - below))

    def working(self) -> tuple[Floats, Floats]:
        r"""Return residuals :math:`-\ell' / \ell''` and curvatures ``[n]`` at the global model."""
        force, curvature = self.pull(np.arange(len(self.eta)), np.zeros(len(self.eta)))
        curvature = np.maximum(curvature, _FLAT)
        return force / curvature, curvature
