"""Early stopping: walk downhill on some rows, watch others, and keep the point that was best on those.

    w_best = argmin_{w₀, w₁, …} F_held-out(wₜ)        kept of axis i after t steps: 1 − (1 − η λᵢ)ᵗ

Descent learns steep directions first: what many rows agree on. Flat ones, where noise hides, come last, so
that few steps shrink the answer along them much as a ridge penalty of about 1/(ηt) does.

Source: Prechelt, Early stopping – but when? (1998); Goodfellow, Bengio and Courville (2016), section 7.8.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def early_stopping(
    gradient: Callable[[Array], Array],
    held_out: Callable[[Array], float],
    start: Array,
    rate: float,
    patience: int,
    steps: int,
) -> tuple[Array, Array]:
    """Return the best point [n] and the held-out losses [k + 1] up to where it stopped, k ≤ steps.

    It stops after ``patience`` steps in a row without a new lowest held-out loss.

    >>> best, losses = early_stopping(lambda w: w, lambda w: (w[0] - 2) ** 2, np.array([8.0]), 0.5, 2, 99)
    >>> best, losses
    (array([2.]), array([36.  ,  4.  ,  0.  ,  1.  ,  2.25]))
    """
    w, losses = start.astype(np.float64), [float(held_out(start))]
    best, lowest, waited = w, losses[0], 0
    for _ in range(steps):
        w = w - rate * gradient(w)
        losses.append(float(held_out(w)))
        best, lowest, waited = (w, losses[-1], 0) if losses[-1] < lowest else (best, lowest, waited + 1)
        if waited == patience:
            break
    return best, np.array(losses)


def kept(curvatures: Array, rate: float, steps: int) -> Array:
    """Return the share of the least-squares answer that is there after so many steps from zero, by axis.

    >>> kept(np.array([1.0, 0.1, 0.0]), rate=1.0, steps=10).round(3)
    array([1.   , 0.651, 0.   ])
    """
    return np.asarray(1.0 - (1.0 - rate * curvatures) ** steps, dtype=np.float64)


def kept_by_ridge(curvatures: Array, strength: float) -> Array:
    """Return the share that a ridge penalty ½ α|w|² leaves: λ / (λ + α), by axis.

    >>> kept_by_ridge(np.array([1.0, 0.1, 0.0]), strength=0.1).round(3)
    array([0.909, 0.5  , 0.   ])
    """
    return np.asarray(curvatures / (curvatures + strength), dtype=np.float64)
