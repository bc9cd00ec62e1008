"""Gradient descent: walk downhill, each step against the slope.

    wₜ₊₁ = wₜ − η ∇F(wₜ)

On a bowl with curvatures from λ_min to λ_max, each step multiplies the error along axis i by 1 − η λᵢ. Below
2/λ_max all of these shrink; above it the steepest grows. The best rate is 2 / (λ_min + λ_max).

Source: Cauchy (1847), Comptes rendus 25, 536–538; Boyd and Vandenberghe, Convex Optimization (2004), 9.3.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gradient_descent(gradient: Callable[[Array], Array], start: Array, rate: float, steps: int) -> Array:
    """Return every point on the way, [steps + 1, n], from start [n] with the learning rate η = rate > 0.

    >>> path = gradient_descent(lambda w: 2.0 * w, np.array([8.0]), rate=0.25, steps=3)
    >>> path[:, 0]
    array([8., 4., 2., 1.])
    """
    path = [start.astype(np.float64)]
    for _ in range(steps):
        w = path[-1]
        path.append(w - rate * gradient(w))
    return np.array(path)


def largest_rate(hessian: Array) -> float:
    """Return 2/λ_max, the rate from which on the walk on this bowl no longer comes to rest.

    >>> largest_rate(np.diag([1.0, 10.0]))
    0.2
    """
    return float(2.0 / np.linalg.eigvalsh(hessian)[-1])


def best_rate(hessian: Array) -> float:
    """Return 2/(λ_min + λ_max), at which the slowest axis and the steepest shrink at the same pace.

    >>> round(best_rate(np.diag([1.0, 9.0])), 12)
    0.2
    """
    values = np.linalg.eigvalsh(hessian)
    return float(2.0 / (values[0] + values[-1]))


def contraction(hessian: Array, rate: float) -> float:
    """Return maxᵢ |1 − η λᵢ|: the factor by which the error shrinks in a step, or grows if above one.

    >>> round(contraction(np.diag([1.0, 9.0]), rate=0.2), 12)
    0.8
    """
    return float(np.max(np.abs(1.0 - rate * np.linalg.eigvalsh(hessian))))
