"""Vector products: how two lists of numbers are multiplied.

    dot      x · y    = Σᵢ xᵢ yᵢ = ‖x‖ ‖y‖ cos θ     a number: how far two vectors agree
    outer    (x yᵀ)ᵢⱼ = xᵢ yⱼ                        a table: every pair, a matrix of rank one
    norm     ‖x‖ₚ     = (Σᵢ |xᵢ|ᵖ)^(1/p)             a number: how long a vector is

Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 1.1 and 2.2.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dot(x: Array, y: Array) -> float:
    """Multiply entry by entry, then add: Σᵢ xᵢ yᵢ. Both are [n]; unequal lengths raise ValueError.

    >>> dot(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    32.0
    """
    return float(sum(xi * yi for xi, yi in zip(x, y, strict=True)))


def outer(x: Array, y: Array) -> Array:
    """Multiply every entry of x [m] with every entry of y [n]: a table [m, n].

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]))
    array([[ 3.,  4.,  5.],
           [ 6.,  8., 10.]])
    """
    return np.array([xi * y for xi in x])


def norm(x: Array, p: float = 2.0) -> float:
    """Measure the length of x [n]; p = 1 walks along the axes, p = 2 is Pythagoras, p = ∞ the largest entry.

    >>> norm(np.array([3.0, -4.0])), norm(np.array([3.0, -4.0]), p=1), norm(np.array([3.0, -4.0]), p=np.inf)
    (5.0, 7.0, 4.0)
    """
    size = np.abs(x)
    largest = np.max(size, initial=0.0)
    if largest == 0.0 or p == np.inf:
        return float(largest)
    # Dividing by the largest entry first keeps its square from overflowing.
    return float(largest * np.sum((size / largest) ** p) ** (1.0 / p))


def cosine(x: Array, y: Array) -> float:
    """Compare directions alone: cos θ = x · y / (‖x‖ ‖y‖), from −1 (opposite) over 0 (at right angles) to 1.

    >>> cosine(np.array([1.0, 0.0]), np.array([0.0, 2.0]))
    0.0
    """
    return dot(x, y) / (norm(x) * norm(y))


def project(x: Array, y: Array) -> Array:
    """Drop x onto the line through y: the multiple of y nearest to x, (x · y / y · y) y.

    >>> project(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    array([2., 0.])
    """
    return dot(x, y) / dot(y, y) * y
