"""Convexity and conditioning: a bowl has one floor, and its curvatures say how far off you are.

    F(s a + (1 − s) b) ≤ s F(a) + (1 − s) F(b)        μ I ⪯ H(w) ⪯ L I        κ = L/μ
    F(w) − F* ≤ |∇F|² / 2μ        |w − w*| ≤ |∇F| / μ        Fₜ − F* ≤ (1 − 1/κ)ᵗ (F₀ − F*)   at η = 1/L

Every chord of a convex function lies above it, so that where the slope is zero there is nothing lower. Only
a positive μ turns a small slope into a small distance; without it, a small slope proves nothing.

Source: Boyd and Vandenberghe, Convex Optimization (2004), sections 3.1, 9.1.2 and 9.3.1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def chord_gap(value: Callable[[Array], float], a: Array, b: Array, share: float = 0.5) -> float:
    """Return how far the chord lies above the function at s a + (1 − s) b: below zero it is not convex.

    >>> chord_gap(lambda w: w @ w, np.array([-1.0]), np.array([3.0]))
    4.0
    """
    return float(share * value(a) + (1.0 - share) * value(b) - value(share * a + (1.0 - share) * b))


def curvature_range(hessians: Array) -> tuple[float, float]:
    """Return μ and L, the least and the largest curvature over Hessians [k, n, n] met on the way.

    They hold for the points that were looked at. μ ≥ 0 everywhere, not only there, would prove convexity.

    >>> curvature_range(np.array([np.diag([1.0, 4.0]), np.diag([2.0, 9.0])]))
    (1.0, 9.0)
    """
    values = np.linalg.eigvalsh(hessians)
    return float(values.min()), float(values.max())


def distance_bounds(slope: float, mu: float) -> tuple[float, float]:
    """Return the most that F − F* and |w − w*| can be where |∇F| is ``slope``: infinite without μ > 0.

    >>> distance_bounds(0.1, mu=0.5), distance_bounds(0.1, mu=0.0)
    ((0.010000000000000002, 0.2), (inf, inf))
    """
    return (slope**2 / (2.0 * mu), slope / mu) if mu > 0.0 else (np.inf, np.inf)


def steps_needed(condition: float, accuracy: float) -> int:
    """Return after how many steps of gradient descent at η = 1/L the excess is surely below ``accuracy``.

    >>> steps_needed(10.0, 1e-3), steps_needed(1000.0, 1e-3)
    (66, 6905)
    """
    if condition <= 1.0:
        return 1
    return int(np.ceil(np.log(accuracy) / np.log1p(-1.0 / condition)))


def ridge(hessian: Array, strength: float) -> Array:
    """Return H + αI: adding ½ α|w|² lifts every curvature by α, and κ falls to (L + α)/(μ + α).

    >>> ridge(np.diag([0.0, 9.0]), 1.0).diagonal()
    array([ 1., 10.])
    """
    return np.asarray(hessian + strength * np.eye(len(hessian)), dtype=np.float64)
