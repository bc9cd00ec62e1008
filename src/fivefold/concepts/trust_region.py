"""Trust region: the best step of the model within the distance where the model has proved right.

    min gᵀs + ½ sᵀH s   with |s| ≤ Δ        (H + λI) s = −g,   λ ≥ 0,   H + λI ⪰ 0,   λ (Δ − |s|) = 0

A small Δ gives a short step downhill, a large one Newton's where the curvature allows. The gain over what
the model promised decides whether to step, and whether to trust it further. Saddles repel it.

Source: Moré and Sorensen (1983); Conn, Gould and Toint, Trust-Region Methods (2000), chapters 6 and 7.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def trust_step(g: Array, H: Array, radius: float) -> tuple[Array, float]:
    """Return the model's lowest point s with |s| ≤ radius, and its multiplier λ, which is zero inside.

    Where g has no part along the lowest curvature (the hard case), what is missing is added along it.

    >>> s, multiplier = trust_step(np.array([3.0, 0.0]), np.diag([1.0, -2.0]), radius=2.0)
    >>> s.round(6), round(multiplier, 6)
    (array([-1.      , -1.732051]), 2.0)
    """
    values, vectors = np.linalg.eigh(H)
    slopes = vectors.T @ g
    low = max(0.0, -float(values[0]))
    high, smallest = low + float(np.linalg.norm(g)) / radius, 1e-14 * max(1.0, float(np.abs(values).max()))

    def step(multiplier: float) -> Array:
        return np.asarray(-slopes / np.maximum(values + multiplier, smallest), dtype=np.float64)

    if values[0] > smallest and np.linalg.norm(step(0.0)) <= radius:
        return vectors @ step(0.0), 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if np.linalg.norm(step(middle)) <= radius else (middle, high)
    s = step(high)
    if values[0] < 0.0:  # nothing to add but in the hard case
        s[0] = -np.copysign(np.sqrt(max(s[0] ** 2, radius**2 - s[1:] @ s[1:])), slopes[0])
    return vectors @ s, high


def trust_region(
    value: Callable[[Array], float],
    derivatives: Callable[[Array], tuple[Array, Array]],
    start: Array,
    radius: float,
    steps: int,
) -> tuple[Array, Array]:
    """Return the points [k + 1, n] and the radii [k + 1], k ≤ steps, from the gradient and the Hessian.

    >>> points, radii = trust_region(lambda w: w @ w, lambda w: (2 * w, 2 * np.eye(1)), np.array([4.0]), 1, 9)
    >>> points[:, 0], radii
    (array([4., 3., 1., 0.]), array([1., 2., 4., 4.]))
    """
    points, radii = [start.astype(np.float64)], [float(radius)]
    while len(points) <= steps:
        w, (g, H) = points[-1], derivatives(points[-1])
        s, _ = trust_step(g, H, radii[-1])
        promised = -float(g @ s + 0.5 * s @ H @ s)
        if promised <= 1e-15 * max(1.0, abs(value(w))):
            break
        ratio, edge = (value(w) - value(w + s)) / promised, np.linalg.norm(s) > 0.99 * radii[-1]
        points.append(w + s if ratio > 0.1 else w)
        radii.append(radii[-1] * (2.0 if ratio > 0.75 and edge else 1.0 if ratio > 0.25 else 0.25))
    return np.array(points), np.array(radii)
