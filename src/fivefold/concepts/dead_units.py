"""Saturation and dead units: where a bend is flat, nothing comes back, and a unit cannot learn its way out.

    dead:       max_i zᵢ ≤ 0, so that  ∂L/∂w = Σᵢ gᵢ relu′(zᵢ) xᵢ = 0  whatever the error gᵢ
    saturated:  tanh′(z) = 1 − tanh² z < ε   ⟺   |z| > artanh √(1 − ε)
    z ~ N(m, s²):  P(dead on N rows) = Φ(−m/s)ᴺ        P(saturated) = erfc(artanh √(1 − ε) / (s √2))  at m = 0

A saturated unit learns slowly; a dead relu has the slope zero on every row and stays as it is. A small leak
below zero keeps a slope, so that it goes on learning.

Source: Glorot and Bengio (2010); Maas, Hannun and Ng (2013); Lu, Shin, Su and Karniadakis (2020).
"""

from math import atanh, erfc, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dead(z: Array) -> NDArray[np.bool_]:
    """Return which units are off on every row, from their sums z [rows, units].

    >>> dead(np.array([[-1.0, 2.0], [-3.0, -1.0]]))
    array([ True, False])
    """
    return np.asarray(np.all(z <= 0.0, axis=0))


def saturated(z: Array, slope: float) -> Array:
    """Return for each tanh unit the share of rows on which its slope is below ``slope``.

    >>> saturated(np.array([[0.0, 4.0], [3.0, -4.0]]), 0.01)
    array([0.5, 1. ])
    """
    return np.asarray(np.mean(1.0 - np.tanh(z) ** 2 < slope, axis=0), dtype=np.float64)


def expected_dead(mean: float, spread: float, rows: int) -> float:
    """Return the probability that a unit whose sums are N(mean, spread²) is off on all of so many rows.

    >>> expected_dead(0.0, 1.0, 3), round(expected_dead(-3.0, 1.0, 100), 3)
    (0.125, 0.874)
    """
    return float((0.5 * erfc(mean / spread / sqrt(2.0))) ** rows)


def expected_saturated(spread: float, slope: float) -> float:
    """Return the share of sums N(0, spread²) on which tanh has a slope below ``slope``.

    >>> round(expected_saturated(1.0, 0.01), 4), round(expected_saturated(30.0, 0.01), 4)
    (0.0028, 0.9205)
    """
    return erfc(atanh(sqrt(1.0 - slope)) / spread / sqrt(2.0))


def unit_slope(x: Array, z: Array, g: Array, leak: float = 0.0) -> Array:
    """Return ∂L/∂w [inputs] of a unit: rows x [n, inputs], its sums z [n], slopes g [n] at its output.

    Many units at once: z and g are [n, units] and the answer is [inputs, units].

    >>> unit_slope(np.array([[1.0], [2.0]]), np.array([-1.0, -2.0]), np.array([5.0, 5.0]))
    array([0.])
    >>> unit_slope(np.array([[1.0], [2.0]]), np.array([-1.0, -2.0]), np.array([5.0, 5.0]), leak=0.01)
    array([0.15])
    """
    return np.asarray(x.T @ (g * np.where(z > 0.0, 1.0, leak)), dtype=np.float64)
