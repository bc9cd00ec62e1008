"""Cubic regularisation: charge the model for the length of the step, by its third power.

    min gᵀs + ½ sᵀH s + ⅓ σ |s|³        (H + λI) s = −g,   λ = σ |s|,   H + λI ⪰ 0

Where 2σ bounds how fast the Hessian changes, the model lies above F, and every step gains what it promises.
Its lowest point is a trust-region step of that radius whose multiplier is σ times its length.

Source: Nesterov and Polyak (2006); Cartis, Gould and Toint, Mathematical Programming 127 (2011), section 2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fivefold.concepts.trust_region import trust_step

Array = NDArray[np.float64]


def cubic_step(g: Array, H: Array, sigma: float) -> Array:
    """Return the model's lowest point, for whatever symmetric H and σ = sigma > 0.

    The multiplier falls with the radius and σ|s| grows with it: they meet once.

    >>> cubic_step(np.array([-6.0]), np.array([[1.0]]), sigma=1.0).round(9)
    array([2.])
    >>> cubic_step(np.array([-6.0]), np.array([[-5.0]]), sigma=1.0).round(9)
    array([6.])
    """
    bend = float(np.abs(np.linalg.eigvalsh(H)).max())
    low, high = 0.0, (bend + np.sqrt(bend**2 + 4.0 * sigma * float(np.linalg.norm(g)))) / (2.0 * sigma)
    if high == 0.0:
        return np.zeros(len(g))
    for _ in range(48):
        radius = 0.5 * (low + high)
        _, multiplier = trust_step(g, H, radius)
        low, high = (radius, high) if multiplier > sigma * radius else (low, radius)
    return trust_step(g, H, high)[0]


def cubic_regularisation(
    value: Callable[[Array], float],
    derivatives: Callable[[Array], tuple[Array, Array]],
    start: Array,
    sigma: float,
    steps: int,
) -> tuple[Array, Array]:
    """Return the points [k + 1, n] and the σ used [k + 1], k ≤ steps: doubled after a bad step, halved after
    a very good one.

    >>> points, _ = cubic_regularisation(
    ...     lambda w: float(w[0] ** 4 - w[0] ** 2),
    ...     lambda w: (4 * w**3 - 2 * w, np.diag(12 * w**2 - 2)), np.zeros(1), 1.0, 40)
    >>> float(abs(points[-1][0]).round(6))  # the start is a maximum, where the slope is zero
    0.707107
    """
    points, sigmas = [start.astype(np.float64)], [float(sigma)]
    while len(points) <= steps:
        w, (g, H) = points[-1], derivatives(points[-1])
        s = cubic_step(g, H, sigmas[-1])
        promised = -float(g @ s + 0.5 * s @ H @ s + sigmas[-1] / 3.0 * np.linalg.norm(s) ** 3)
        if promised <= 1e-15 * max(1.0, abs(value(w))):
            break
        ratio = (value(w) - value(w + s)) / promised
        points.append(w + s if ratio > 0.1 else w)
        sigmas.append(sigmas[-1] * (0.5 if ratio > 0.9 else 1.0 if ratio > 0.1 else 2.0))
    return np.array(points), np.array(sigmas)
