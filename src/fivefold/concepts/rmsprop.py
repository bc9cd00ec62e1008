"""RMSProp: divide each slope by its recent size, so that all weights move at the same pace.

    vₜ = α vₜ₋₁ + (1 − α) gₜ²        wₜ₊₁ = wₜ − η gₜ / (√vₜ + ε)        (weight by weight)

Adagrad's sum becomes a mean that forgets after about 1/(1 − α) steps, so that the rates no longer die out.
The price: a step is about η long however small the slope is, and at a constant rate the walk never rests.

Source: Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rmsprop(
    gradient: Callable[[Array], Array],
    start: Array,
    rate: float,
    steps: int,
    alpha: float = 0.99,
    tiny: float = 1e-8,
) -> Array:
    """Return every point on the way, [steps + 1, n]; α in [0, 1) is how slowly it forgets, ε = tiny.

    >>> rmsprop(lambda w: 50.0 * w, np.array([4.0]), rate=0.5, steps=2, alpha=0.75).round(4)
    array([[4.    ],
           [3.    ],
           [2.3453]])
    """
    path, mean = [start.astype(np.float64)], np.zeros(len(start))
    for _ in range(steps):
        g = gradient(path[-1])
        mean = alpha * mean + (1.0 - alpha) * g**2
        path.append(path[-1] - rate * g / (np.sqrt(mean) + tiny))
    return np.array(path)


def steady_step(rate: float, alpha: float, steps: int) -> Array:
    """Return the length of each step along a slope that stays the same: η / √(1 − αᵗ), towards η.

    The mean starts at zero and is too small at first: the first step is 1/√(1 − α) times too long.

    >>> steady_step(rate=1.0, alpha=0.75, steps=3).round(4)
    array([2.    , 1.5119, 1.3152])
    """
    return np.asarray(rate / np.sqrt(1.0 - alpha ** np.arange(1.0, steps + 1.0)), dtype=np.float64)
