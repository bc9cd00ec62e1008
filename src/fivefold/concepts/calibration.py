"""Calibration: of all the times that 70% was said, it should have happened in 70%.

    ECE = Σ_bins (n_b/n) |f̄_b − ȳ_b|        temperature: p = σ(z / T), T = argmin of the log loss
    Brier = Σ (n_b/n) (f̄_b − ȳ_b)²  −  Σ (n_b/n) (ȳ_b − ȳ)²  +  ȳ (1 − ȳ)   reliability − resolution + rest
    an honest forecast p seen n times still shows  E |K/n − p| = (2m/n) C(n, m) pᵐ (1 − p)ⁿ⁻ᵐ⁺¹,  m = ⌊np⌋ + 1

The Brier sum is exact where all forecasts in a bin are equal. One number T cannot change which class is
likelier, and so not the accuracy. The last line, De Moivre's, says how much of an ECE is mere chance.

Source: Murphy (1973); Guo, Pleiss, Sun and Weinberger (2017); De Moivre (1730) by Diaconis and Zabell (1991).
"""

from math import comb, floor

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def reliability(forecast: Array, happened: Array, bins: int) -> Array:
    """Return for each filled bin of equal width: its count, mean forecast, and share that happened.

    >>> reliability(np.array([0.1, 0.2, 0.9]), np.array([0.0, 1.0, 1.0]), 2).round(2).tolist()
    [[2.0, 1.0], [0.15, 0.9], [0.5, 1.0]]
    """
    where = np.minimum((forecast * bins).astype(np.int64), bins - 1)
    counts, said, came = (np.bincount(where, w, bins) for w in (np.ones(len(where)), forecast, happened))
    full = counts > 0
    return np.stack([counts[full], said[full] / counts[full], came[full] / counts[full]])


def calibration_error(table: Array) -> float:
    """Return ECE from the bins: 3/4 · 0.2 + 1/4 · 0.4 in the example.

    >>> round(calibration_error(np.array([[3.0, 1.0], [0.2, 0.6], [0.0, 1.0]])), 12)
    0.25
    """
    return float(table[0] @ np.abs(table[1] - table[2]) / table[0].sum())


def brier_parts(table: Array) -> tuple[float, float, float]:
    """Return reliability (0 is best), resolution (the more, the better) and what no forecast can change."""
    (counts, said, came), n = table, table[0].sum()
    base = float(counts @ came / n)
    return float(counts @ (said - came) ** 2 / n), float(counts @ (came - base) ** 2 / n), base * (1.0 - base)


def temperature(z: Array, happened: Array) -> float:
    """Return the T that minimises the log loss of σ(z/T): a root of one growing function of 1/T.

    >>> round(temperature(np.array([3.0, 3.0, 3.0, 3.0]), np.array([1.0, 1.0, 1.0, 0.0])), 4)  # 3/log 3
    2.7307
    """
    low, high = 1e-3, 1e3
    for _ in range(100):
        b = float(np.sqrt(low * high))  # b = 1/T; the slope of the loss is E z (σ(bz) − y)
        slope = np.mean(z * (0.5 + 0.5 * np.tanh(0.5 * b * z) - happened))
        low, high = (low, b) if slope > 0.0 else (b, high)
    return 1.0 / b


def gap_by_chance(p: float, times: int) -> float:
    """Return E |K/n − p| of an honest forecast p in (0, 1) that was made n times.

    >>> gap_by_chance(0.5, 1), round(gap_by_chance(0.5, 100), 4)
    (0.5, 0.0398)
    """
    m = floor(times * p) + 1
    return 2.0 * m / times * comb(times, m) * p**m * (1.0 - p) ** (times - m + 1)
