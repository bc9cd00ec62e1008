"""Newton's method: go to the floor of the paraboloid that fits here, and fit again.

    wₜ₊₁ = wₜ − η H(wₜ)⁻¹ ∇F(wₜ)        |wₜ₊₁ − w*| ≤ c |wₜ − w*|²   near a minimum, at η = 1

The step divides by the curvature, so that no valley is too narrow, and near a minimum every step doubles
the number of correct digits. Far away the paraboloid may mislead: the step overshoots, or climbs a saddle.

Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), sections 3.3 and 3.4.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Derivative = Callable[[Array], Array]


def newtons_method(
    gradient: Derivative, hessian: Derivative, start: Array, steps: int, rate: float = 1.0
) -> Array:
    """Return every point on the way, [steps + 1, n]; a rate below one damps the steps.

    >>> path = newtons_method(lambda w: w**2 - 2.0, lambda w: np.diag(2.0 * w), np.array([2.0]), steps=4)
    >>> path[:, 0].round(8)
    array([2.        , 1.5       , 1.41666667, 1.41421569, 1.41421356])
    """
    path = [start.astype(np.float64)]
    for _ in range(steps):
        w = path[-1]
        path.append(w - rate * np.linalg.solve(hessian(w), gradient(w)))
    return np.array(path)


def safe_direction(hessian: Array, gradient: Array) -> Array:
    """Return −|H|⁻¹ ∇F, with the sizes of the curvatures in their place: downhill even at a saddle.

    >>> safe_direction(np.diag([2.0, -4.0]), np.array([2.0, 4.0]))
    array([-1., -1.])
    """
    values, vectors = np.linalg.eigh(hessian)
    sizes = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
    return np.asarray(-vectors @ (vectors.T @ gradient / sizes), dtype=np.float64)


def damped(value: Callable[[Array], float], w: Array, direction: Array, slope: float) -> float:
    """Return the first of 1, ½, ¼, … that gains at least a ten-thousandth of what the slope promises.

    ``slope`` is ∇F·direction < 0.

    >>> damped(lambda w: float(np.sqrt(1.0 + w @ w)), np.array([2.0]), np.array([-10.0]), slope=-8.94)
    0.25
    """
    rate = 1.0
    while not value(w + rate * direction) <= value(w) + 1e-4 * rate * slope and rate > 1e-12:
        rate /= 2.0
    return rate
