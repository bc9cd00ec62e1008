"""The derivative: the slope of the straight line that a function becomes when you look close enough.

    f′(x) = lim_{h→0} (f(x + h) − f(x)) / h        ∇f(x)ᵢ = ∂f / ∂xᵢ

A computer cannot take h to zero: a large h cuts the curve short (error ~ h, or h² where it is centred),
a small h drowns in rounding (error ~ ε/h). The best h lies between, near √ε, or ε^(1/3) where centred.

Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), section 8.1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)  # 2.2e-16: the spacing of numbers just above one


def forward_difference(f: Callable[[float], float], x: float, h: float) -> float:
    """Take the slope of the chord from x to x + h.

    >>> forward_difference(lambda x: x * x, 3.0, h=0.5)
    6.5
    """
    return (f(x + h) - f(x)) / h


def central_difference(f: Callable[[float], float], x: float, h: float) -> float:
    """Take the slope of the chord from x − h to x + h: the errors of the two halves cancel to order h².

    >>> central_difference(lambda x: x * x, 3.0, h=0.5)
    6.0
    """
    return (f(x + h) - f(x - h)) / (2.0 * h)


def gradient(f: Callable[[Array], float], x: Array) -> Array:
    """Ask every axis in turn for its slope: the direction of steepest ascent at x [n].

    >>> np.round(gradient(lambda x: float(x[0] ** 2 + 3.0 * x[1]), np.array([2.0, 5.0])), 6)
    array([4., 3.])
    """
    slopes = np.zeros(len(x))
    for i in range(len(x)):
        step = np.zeros(len(x))
        step[i] = EPSILON ** (1 / 3) * max(1.0, abs(x[i]))
        slopes[i] = (f(x + step) - f(x - step)) / (2.0 * step[i])
    return slopes


def directional(f: Callable[[Array], float], x: Array, direction: Array) -> float:
    """Return the slope at x [n] along one direction [n]: ∇f(x) · d, from two values of f however long x is.

    >>> round(directional(lambda x: float(x @ x), np.array([1.0, 2.0]), np.array([3.0, 0.0])), 6)
    6.0
    """
    return central_difference(lambda t: f(x + t * direction), 0.0, EPSILON ** (1 / 3))
