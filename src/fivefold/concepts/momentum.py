"""Momentum: steps that remember, so that a walk gathers speed along a valley instead of crossing it.

    vₜ₊₁ = β vₜ + ∇F(wₜ)        wₜ₊₁ = wₜ − η vₜ₊₁        Nesterov: wₜ₊₁ = wₜ − η (∇F(wₜ) + β vₜ₊₁)

Slopes that alternate cancel in v, slopes that agree add up to 1/(1 − β) of one. On a bowl of condition κ the
best β takes about √κ steps where gradient descent takes κ; too large a β circles round the floor.

Source: Polyak (1964); Nesterov (1983); Sutskever, Martens, Dahl and Hinton (2013), section 2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def momentum(
    gradient: Callable[[Array], Array],
    start: Array,
    rate: float,
    beta: float,
    steps: int,
    nesterov: bool = False,
) -> Array:
    """Return every point on the way, [steps + 1, n]: β = 0 is gradient descent.

    Nesterov's form corrects the speed with the slope where it leads; wₜ is the point that it looks ahead to.

    >>> momentum(lambda w: w, np.array([8.0]), rate=0.5, beta=0.5, steps=3)[:, 0]
    array([ 8.,  4.,  0., -2.])
    >>> momentum(lambda w: w, np.array([8.0]), rate=0.5, beta=0.5, steps=3, nesterov=True)[:, 0]
    array([ 8.   ,  2.   , -0.5  , -0.875])
    """
    path, v = [start.astype(np.float64)], np.zeros(len(start))
    for _ in range(steps):
        slope = gradient(path[-1])
        v = beta * v + slope
        path.append(path[-1] - rate * (slope + beta * v if nesterov else v))
    return np.array(path)


def contraction(curvatures: Array, rate: float, beta: float, nesterov: bool = False) -> float:
    """Return the factor per step, in the long run, on a bowl: the largest root of r² − a r + b over its axes.

    Below one the walk comes to rest. Polyak's needs η λ_max < 2 (1 + β).

    >>> round(contraction(np.array([1.0, 9.0]), rate=0.25, beta=0.25), 6)
    0.5
    """
    left = 1.0 - rate * curvatures if nesterov else np.ones(len(curvatures))
    a = (1.0 + beta) * left if nesterov else 1.0 + beta - rate * curvatures
    root = np.sqrt((a**2 - 4.0 * beta * left).astype(np.complex128))
    return float(np.max(np.abs(np.stack([a + root, a - root]))) / 2.0)


def best_setting(curvatures: Array) -> tuple[float, float]:
    """Return Polyak's rate and β for a bowl: η = 4/(√λ_max + √λ_min)², β = ((√κ − 1)/(√κ + 1))².

    >>> best_setting(np.array([1.0, 9.0]))
    (0.25, 0.25)
    """
    low, high = np.sqrt(np.min(curvatures)), np.sqrt(np.max(curvatures))
    return float(4.0 / (high + low) ** 2), float(((high - low) / (high + low)) ** 2)
