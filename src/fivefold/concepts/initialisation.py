"""Initialisation: the first weights decide whether signals and slopes survive the depth.

    qₗ₊₁ = σ² E φ(√qₗ Z)²        χ = σ² E φ′(√q Z)²        Z ~ N(0, 1),  weights N(0, σ²/inputs)
    relu: σ² = 2 keeps both (He)        otherwise σ = E[φ(Z)²]^(−½) keeps a signal of size one

q is the mean square of a layer's sums, χ the factor on the mean square of the slope that comes back through
a layer. In a wide net both follow from one integral each, before a single weight is drawn.

Source: Glorot and Bengio (2010); He et al. (2015); Poole et al. (2016); relu's angles: Cho and Saul (2009).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bend = Callable[[Array], Array]


def gaussian_mean(function: Bend, deviation: float) -> float:
    """Return E f(s Z) by the midpoint rule: a kink at zero lies between two nodes and costs nothing.

    >>> round(gaussian_mean(lambda z: np.maximum(z, 0.0) ** 2, 3.0), 12)
    4.5
    """
    z = np.asarray((np.arange(2400) + 0.5) * 0.01 - 12.0, dtype=np.float64)
    return float(np.mean(function(deviation * z) * np.exp(-0.5 * z**2)) * 24.0 / np.sqrt(2.0 * np.pi))


def signal(bend: Bend, variance: float, depth: int, first: float = 1.0) -> Array:
    """Return q at layers 1, …, depth + 1: the mean square of the sums, where σ² = ``variance``.

    >>> signal(lambda z: np.maximum(z, 0.0), 2.0, 3).round(9)
    array([1., 1., 1., 1.])
    """
    q = [first]
    for _ in range(depth):
        q.append(variance * gaussian_mean(lambda z: bend(z) ** 2, float(np.sqrt(q[-1]))))
    return np.array(q)


def slope_factor(slope: Bend, variance: float, q: float) -> float:
    """Return χ, the factor on the mean square of the gradient for each layer that it comes back through.

    >>> slope_factor(lambda z: (z > 0.0) * 1.0, 2.0, 1.0).__round__(9)
    1.0
    """
    return variance * gaussian_mean(lambda z: slope(z) ** 2, float(np.sqrt(q)))


def gain(bend: Bend) -> float:
    """Return σ such that sums of mean square one stay so: √2 for relu.

    >>> round(gain(lambda z: np.maximum(z, 0.0)), 4), round(gain(np.tanh), 4)
    (1.4142, 1.5925)
    """
    return float(gaussian_mean(lambda z: bend(z) ** 2, 1.0) ** -0.5)


def relu_agreement(cosine: Array) -> Array:
    """Return the cosine between two rows after one wide relu layer, from that before it.

    >>> relu_agreement(np.array([-1.0, 0.0, 1.0])).round(4)
    array([0.    , 0.3183, 1.    ])
    """
    return np.asarray((np.sqrt(1.0 - cosine**2) + cosine * (np.pi - np.arccos(cosine))) / np.pi)
