"""Conjugate gradients: solve A x = b by steps none of which undoes another.

    αₖ = rₖᵀrₖ / dₖᵀA dₖ    xₖ₊₁ = xₖ + αₖ dₖ    rₖ₊₁ = rₖ − αₖ A dₖ    dₖ₊₁ = rₖ₊₁ + (|rₖ₊₁|²/|rₖ|²) dₖ

For a symmetric positive definite A this descends the bowl ½ xᵀA x − bᵀx. The directions are conjugate,
dᵢᵀA dⱼ = 0: each minimises for good, and n steps suffice, or one for every distinct eigenvalue.

Source: Hestenes and Stiefel (1952); Nocedal and Wright, Numerical Optimization (2006), algorithm 5.2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def conjugate_gradients(multiply: Callable[[Array], Array], b: Array, steps: int) -> Array:
    """Return x₀ = 0, x₁, …, [k + 1, n], with one product x → A x a step; it ends early where r is zero.

    >>> A = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradients(lambda x: A @ x, np.array([1.0, 2.0]), steps=2).round(4)
    array([[0.    , 0.    ],
           [0.25  , 0.5   ],
           [0.0909, 0.6364]])
    """
    path, r, d = [np.zeros(len(b))], b.astype(np.float64), b.astype(np.float64)
    for _ in range(steps):
        Ad, square = multiply(d), r @ r
        if square == 0.0:
            break
        alpha = square / (d @ Ad)
        path.append(path[-1] + alpha * d)
        r = r - alpha * Ad
        d = r + (r @ r) / square * d
    return np.array(path)


def steepest_descent(multiply: Callable[[Array], Array], b: Array, steps: int) -> Array:
    """Return the same walk without memory: the best step along r each time, and then all over again.

    >>> A = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> steepest_descent(lambda x: A @ x, np.array([1.0, 2.0]), steps=2).round(4)
    array([[0.    , 0.    ],
           [0.25  , 0.5   ],
           [0.0833, 0.5833]])
    """
    path = [np.zeros(len(b))]
    for _ in range(steps):
        r = b - multiply(path[-1])
        if not np.any(r):
            break
        path.append(path[-1] + (r @ r) / (r @ multiply(r)) * r)
    return np.array(path)


def error_bound(condition: float, steps: int) -> float:
    """Return 2 ((√κ − 1)/(√κ + 1))ᵏ: what is left of the error √(eᵀA e) after k steps, at most.

    >>> error_bound(9.0, 2)
    0.5
    """
    root = np.sqrt(condition)
    return float(2.0 * ((root - 1.0) / (root + 1.0)) ** steps)
