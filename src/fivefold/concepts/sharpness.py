"""Sharpness and stability: the steepest curvature decides which rates can rest at a minimum.

    S(w) = λ_max(H(w))        at rest where  η S < 2 (1 + β)        Nesterov: 2 (1 + β)/(1 + 2β)
    Adam, its second moments held: η λ_max(P⁻¹H) < 2 (1 + β₁)/(1 − β₁)

A minimum sharper than that throws the walk out, however near it began. Where there are many minima, the rate
thus chooses among them; training of networks often sharpens until it meets this edge and hovers there.

Source: Polyak (1964); Cohen, Kaur, Li, Kolter and Talwalkar, Gradient descent typically occurs at the edge of
stability (2021); Cohen et al. (2022) for Adam.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Slope = Callable[[Array], Array]


def hessian_product(gradient: Slope, w: Array, v: Array, reach: float = 1e-5) -> Array:
    """Return H(w) v from two gradients: (∇F(w + rv) − ∇F(w − rv)) / 2r.

    >>> hessian_product(lambda w: w**3, np.array([2.0, 1.0]), np.array([1.0, 0.0])).round(6)
    array([12.,  0.])
    """
    return np.asarray((gradient(w + reach * v) - gradient(w - reach * v)) / (2.0 * reach))


def sharpness(gradient: Slope, w: Array, steps: int = 200) -> float:
    """Return the curvature that is largest in size, by power iteration on Hessian products.

    >>> round(sharpness(lambda w: np.array([9.0, 1.0, -2.0]) * w, np.ones(3)), 6)
    9.0
    """
    v, value = np.cos(np.arange(1.0, len(w) + 1.0)), 0.0
    for _ in range(steps):
        v = v / np.linalg.norm(v)
        product = hessian_product(gradient, w, v)
        value, v = float(v @ product), product
        if not product.any():
            break
    return value


def edge(beta: float = 0.0, nesterov: bool = False) -> float:
    """Return the most that η S may be for descent with momentum β to come to rest.

    >>> edge(), edge(0.9), round(edge(0.9, nesterov=True), 4)
    (2.0, 3.8, 1.3571)
    """
    return 2.0 * (1.0 + beta) / (1.0 + 2.0 * beta if nesterov else 1.0)


def adam_edge(beta: float = 0.9) -> float:
    """Return the most that η λ_max(P⁻¹H) may be for Adam, P the square roots of its second moments.

    >>> round(adam_edge(), 6)
    38.0
    """
    return 2.0 * (1.0 + beta) / (1.0 - beta)
