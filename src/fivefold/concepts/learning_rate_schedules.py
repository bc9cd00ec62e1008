"""Learning-rate schedules: large steps while there is far to go, small ones to come to rest.

    ηₜ = η₀ (1 + t)⁻ᵖ        Σ ηₜ = ∞   and   Σ ηₜ² < ∞,   that is  ½ < p ≤ 1

The first sum must be infinite for the walk to get anywhere from anywhere, the second finite for the noise of
the batches to average out. With a known number of steps T, training uses steps, cosines or one cycle.

Source: Robbins and Monro (1951); Loshchilov and Hutter (2017); Smith and Topin (2018).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def power(steps: int, p: float) -> Array:
    """Return the factors (1 + t)⁻ᵖ on the first rate, [steps]; p = 0 is a constant rate.

    >>> power(4, p=0.5).round(3)
    array([1.   , 0.707, 0.577, 0.5  ])
    """
    return np.asarray((1.0 + np.arange(steps)) ** -p, dtype=np.float64)


def staircase(steps: int, every: int, factor: float = 0.1) -> Array:
    """Return the factors of a rate that falls to its ``factor`` after ``every`` so many steps.

    >>> staircase(5, every=2, factor=0.5)
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    """
    return np.asarray(factor ** (np.arange(steps) // every), dtype=np.float64)


def cosine(steps: int, warmup: int = 0) -> Array:
    """Return the factors of a linear rise over ``warmup`` steps and then half a cosine towards zero.

    >>> cosine(6, warmup=2).round(3)
    array([0.5  , 1.   , 1.   , 0.854, 0.5  , 0.146])
    """
    rise = np.arange(1.0, warmup + 1.0) / max(warmup, 1)
    fall = 0.5 * (1.0 + np.cos(np.pi * np.arange(steps - warmup) / max(steps - warmup, 1)))
    return np.concatenate([rise, fall])


def one_cycle(progress: Array, peak: float = 0.3, first: float = 0.04) -> Array:
    """Return the factors at the shares of the run in [0, 1]: up to one at ``peak``, down to zero, by cosines.

    >>> one_cycle(np.array([0.0, 0.15, 0.3, 0.65, 1.0])).round(2)
    array([0.04, 0.52, 1.  , 0.5 , 0.  ])
    """
    up = first + (1.0 - first) * 0.5 * (1.0 - np.cos(np.pi * progress / peak))
    down = 0.5 * (1.0 + np.cos(np.pi * (progress - peak) / (1.0 - peak)))
    return np.asarray(np.where(progress < peak, up, down), dtype=np.float64)


def plateau(losses: Sequence[float], patience: int, factor: float = 0.1) -> Array:
    """Return the factor after each loss: lowered when more than ``patience`` of them in a row are no better.

    >>> plateau([3.0, 2.0, 2.0, 2.5, 1.0], patience=1)
    array([1. , 1. , 1. , 0.1, 0.1])
    """
    factors, best, waited = [1.0], np.inf, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        factors.append(factors[-1] * (factor if waited > patience else 1.0))
        waited = 0 if waited > patience else waited
    return np.array(factors[1:])
