r"""The temperature of scores: one number that makes probabilities honest.

:math:`T` minimises the log loss of :math:`\eta / T` on n held-out rows (Guo, Pleiss, Sun and Weinberger, "On
calibration of modern neural networks", 2017), with a weak penalty:

.. math:: \frac1n \sum_i -\log \mathrm{softmax}(\eta_i / T)_{y_i} + \frac{(\log T)^2}{2 n s^2}, \qquad s = 1

It is the maximum a posteriori estimate where :math:`\log T` is normal around 0 with the standard deviation s.
Without it rows that are all right would make the scores sharper without end; beside thousands of rows it says
nothing. The minimum is found by golden section.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_DEVIATION = 1.0
"""Of log T before any row is seen: two temperatures of three lie between 0.37 and 2.7."""


def best_temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature in [1/4, 16] of the smallest loss.

    Args:
        loss: The mean loss of the scores times a factor, as a function of the factor 1 / T.

    >>> round(best_temperature(lambda inverse: (inverse - 0.5) ** 2), 6)
    2.0
    """
    low, high = -np.log(16.0), np.log(4.0)
    ratio = (np.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = loss(np.exp(a)), loss(np.exp(b))
    for _ in range(60):
        if fa < fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = loss(np.exp(a))
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = loss(np.exp(b))
    return float(np.exp(-(low + high) / 2))


def log_losses(scores: Floats, labels: npt.NDArray[np.integer[Any]]) -> Floats:
    r"""Return :math:`-\log \mathrm{softmax}(\eta)_y` of each row.

    Args:
        scores: ``[n, K]`` scores before the softmax.
        labels: ``[n]`` codes.

    >>> log_losses(np.array([[0.0, 0.0]]), np.array([1])).round(4).tolist()
    [0.6931]
    """
    top = scores.max(1)
    total = top + np.log(np.exp(scores - top[:, None]).sum(1))
    return np.asarray(total - scores[np.arange(len(labels)), labels])


def tempered_losses(scores: Floats, labels: npt.NDArray[np.integer[Any]]) -> Floats:
    """Return the log losses of rows at their own best temperature: what scores are worth once calibrated."""
    return log_losses(scores / temperature_of(scores, labels), labels)


def temperature_of(scores: Floats, labels: npt.NDArray[np.integer[Any]]) -> float:
    """Return the temperature in [1/4, 16] of the smallest log loss of scores, penalised as said above.

    Args:
        scores: ``[n, K]`` scores before the softmax, n at least 1.
        labels: ``[n]`` codes.

    >>> scores, all_right = np.array([[4.0, 0.0]] * 4), np.zeros(4, dtype=np.int64)
    >>> round(temperature_of(scores, np.array([0, 0, 0, 1])), 2), round(temperature_of(scores, all_right), 2)
    (2.21, 0.85)
    """

    def penalised(inverse: float) -> float:
        penalty = np.log(inverse) ** 2 / (2 * len(labels) * _DEVIATION**2)
        return float(log_losses(scores * inverse, labels).mean() + penalty)

    return best_temperature(penalised)
