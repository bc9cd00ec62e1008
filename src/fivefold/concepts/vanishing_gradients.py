"""Vanishing and exploding gradients: a slope through many layers is a product, and products run away.

    δ₀ = J₁ᵀ J₂ᵀ … J_Tᵀ δ_T        λ = (1/T) log |δ₀| / |δ_T|        |δ₀| ≈ e^(λT) |δ_T|
    n wide, entries N(0, g²/n):  E |δ₀|² = g²ᵀ |δ_T|²,  but  E λ = log g + ½ (ψ(n/2) − log(n/2)) < log g

The mean of a product is carried by rare large ones: the typical one is smaller, the more so the deeper and
the narrower the net. ψ is the digamma function; ψ(n/2) − log(n/2) is about −1/n.

Source: Bengio, Simard and Frasconi (1994); Pascanu, Mikolov and Bengio (2013); Hanin (2018).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sizes_on_the_way_back(jacobians: Sequence[Array] | Array, slope: Array) -> Array:
    """Return |δ| at layers 0, …, T: Jacobians [out, in] in forward order, and the slope δ_T at the top.

    >>> sizes_on_the_way_back([np.diag([0.5, 2.0])] * 3, np.array([1.0, 0.0]))
    array([0.125, 0.25 , 0.5  , 1.   ])
    """
    sizes = [float(np.linalg.norm(slope))]
    for J in jacobians[::-1]:
        slope = J.T @ slope
        sizes.append(float(np.linalg.norm(slope)))
    return np.array(sizes[::-1])


def exponent(sizes: Array) -> float:
    """Return λ, the mean growth of log |δ| by the layer: below zero it vanishes, above it explodes.

    >>> round(float(np.exp(exponent(np.array([0.125, 0.25, 0.5, 1.0])))), 3)
    0.5
    """
    return float(np.log(sizes[0] / sizes[-1]) / (len(sizes) - 1))


def typical_exponent(gain: float, width: int) -> float:
    """Return E λ of independent Gaussian layers with entries N(0, gain²/width).

    >>> round(typical_exponent(1.0, 2), 4), round(typical_exponent(1.0, 100), 4)
    (-0.2886, -0.005)
    """
    psi = -np.euler_gamma - (
        2.0 * np.log(2.0) if width % 2 else 0.0
    )  # ψ(1/2) or ψ(1), then ψ(x + 1) = ψ + 1/x
    psi += np.sum(1.0 / np.arange(0.5 if width % 2 else 1.0, width / 2.0))
    return float(np.log(gain) + 0.5 * (psi - np.log(width / 2.0)))


def clip(gradient: Array, longest: float) -> Array:
    """Return the gradient, shortened where it is longer than allowed: its direction stays.

    >>> clip(np.array([30.0, 40.0]), 5.0), clip(np.array([0.3, 0.4]), 5.0)
    (array([3., 4.]), array([0.3, 0.4]))
    """
    return np.asarray(gradient * min(1.0, longest / max(float(np.linalg.norm(gradient)), 1e-300)))
