"""Adam: momentum for the direction, the recent size of the slope for the rate, both without bias at first.

    mₜ = β₁ mₜ₋₁ + (1 − β₁) gₜ        vₜ = β₂ vₜ₋₁ + (1 − β₂) gₜ²
    wₜ₊₁ = wₜ − η m̂ₜ / (√v̂ₜ + ε)        m̂ₜ = mₜ / (1 − β₁ᵗ)        v̂ₜ = vₜ / (1 − β₂ᵗ)

Both means start at zero; dividing by 1 − βᵗ makes them means of the slopes seen. A step is at most about η
in each weight, whatever the scale of the loss.

Source: Kingma and Ba (2015), algorithm 1; Reddi, Kale and Kumar (2018) on where it does not converge.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def adam(
    gradient: Callable[[Array], Array],
    start: Array,
    rate: float,
    steps: int,
    betas: tuple[float, float] = (0.9, 0.999),
    tiny: float = 1e-8,
    corrected: bool = True,
) -> Array:
    """Return every point on the way, [steps + 1, n]; ``corrected=False`` leaves the bias of the first steps.

    >>> adam(lambda w: 1000.0 * w, np.array([4.0]), rate=0.5, steps=2).round(3)
    array([[4.   ],
           [3.5  ],
           [3.003]])
    """
    path, (first, second) = [start.astype(np.float64)], betas
    m, v = np.zeros(len(start)), np.zeros(len(start))
    for t in range(1, steps + 1):
        g = gradient(path[-1])
        m = first * m + (1.0 - first) * g
        v = second * v + (1.0 - second) * g**2
        m_hat = m / (1.0 - first**t) if corrected else m
        v_hat = v / (1.0 - second**t) if corrected else v
        path.append(path[-1] - rate * m_hat / (np.sqrt(v_hat) + tiny))
    return np.array(path)


def uncorrected_step(betas: tuple[float, float], steps: int) -> Array:
    """Return how long each step would be without the corrections, in units of η, where the slope stays.

    (1 − β₁ᵗ) / √(1 − β₂ᵗ): with the usual settings 3 times too long at first, 6.5 times after ten steps.

    >>> uncorrected_step((0.9, 0.999), 3).round(2)
    array([3.16, 4.25, 4.95])
    """
    t = np.arange(1.0, steps + 1.0)
    return np.asarray((1.0 - betas[0] ** t) / np.sqrt(1.0 - betas[1] ** t), dtype=np.float64)
