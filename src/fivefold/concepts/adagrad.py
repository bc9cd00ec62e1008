"""Adagrad: every weight has a rate of its own, the smaller the more its slope has been seen.

    Gₜ = Gₜ₋₁ + gₜ²        wₜ₊₁ = wₜ − η gₜ / (√Gₜ + ε)        (square, root and division weight by weight)

A weight whose slope is a hundred times steeper takes the same steps: scaling an axis does not change the
walk. The sum never shrinks, so the rates fall like 1/√t at least where slopes stay, and for ever.

Source: Duchi, Hazan and Singer, Journal of Machine Learning Research 12 (2011), 2121–2159.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def adagrad(
    gradient: Callable[[Array], Array], start: Array, rate: float, steps: int, tiny: float = 1e-10
) -> Array:
    """Return every point on the way, [steps + 1, n], with the rate η = rate > 0 and ε = tiny.

    The first step is η long in every weight that has a slope, however steep.

    >>> adagrad(lambda w: np.array([100.0, 1.0]) * w, np.array([4.0, 4.0]), rate=1.0, steps=2).round(4)
    array([[4. , 4. ],
           [3. , 3. ],
           [2.4, 2.4]])
    """
    path, total = [start.astype(np.float64)], np.zeros(len(start))
    for _ in range(steps):
        g = gradient(path[-1])
        total = total + g**2
        path.append(path[-1] - rate * g / (np.sqrt(total) + tiny))
    return np.array(path)


def rates_left(gradients: Array, rate: float) -> Array:
    """Return η/√Gₜ, the rate of each weight after each step, from the slopes met so far, [steps, n].

    >>> rates_left(np.array([[3.0, 1.0], [4.0, 0.0]]), rate=1.0).round(4)
    array([[0.3333, 1.    ],
           [0.2   , 1.    ]])
    """
    return np.asarray(rate / np.sqrt(np.cumsum(gradients**2, axis=0)), dtype=np.float64)


def farthest(rate: float, steps: int) -> float:
    """Return Σ η/√t ≈ 2η√steps: how far a weight can get while its slope stays the same.

    >>> farthest(0.1, 4) == 0.1 * (1 + 2**-0.5 + 3**-0.5 + 0.5)
    True
    """
    return float(rate * np.sum(1.0 / np.sqrt(np.arange(1.0, steps + 1.0))))
