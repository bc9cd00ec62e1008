"""Stochastic gradient descent: step on the slope of a few rows, not of all of them.

    wₜ₊₁ = wₜ − η gₜ        gₜ = (1/b) Σ_{i ∈ Bₜ} ∇ℓᵢ(wₜ)        E gₜ = ∇F(wₜ)

A batch of b rows is right on average and wrong by a noise that shrinks like 1/√b. Far from the floor the
noise hardly matters and small batches give many cheap steps; near it a constant rate hovers and never rests.

Source: Robbins and Monro (1951); Bottou, Curtis and Nocedal, SIAM Review 60 (2018), sections 3 and 4.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


def batches(rows: int, size: int, generator: np.random.Generator) -> list[Rows]:
    """Deal the row numbers 0, …, rows − 1 into batches of ``size``, in a new order: one epoch.

    >>> [len(batch) for batch in batches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    order = generator.permutation(rows)
    return [order[first : first + size] for first in range(0, rows, size)]


def stochastic_gradient_descent(
    gradient: Callable[[Array, Rows], Array], start: Array, rate: float, plan: Iterable[Rows]
) -> Array:
    """Return every point on the way, one step for each batch of the plan; the gradient is a batch's mean.

    >>> x = np.array([1.0, 3.0])  # ℓᵢ = ½ (w − xᵢ)²
    >>> path = stochastic_gradient_descent(lambda w, i: w - x[i].mean(), np.zeros(1), 0.5, [[0], [1], [0, 1]])
    >>> path[:, 0]
    array([0.   , 0.5  , 1.75 , 1.875])
    """
    path = [start.astype(np.float64)]
    for rows in plan:
        path.append(path[-1] - rate * gradient(path[-1], rows))
    return np.array(path)


def gradient_noise(gradients: Array, size: int) -> float:
    """Return E|gₜ − ∇F|² of a batch of ``size`` drawn without repeats from the rows' gradients [N, n].

    >>> gradient_noise(np.array([[1.0], [3.0], [5.0]]), 1), gradient_noise(np.array([[1.0], [3.0]]), 2)
    (2.6666666666666665, 0.0)
    """
    rows = len(gradients)
    spread = float(np.mean(np.sum((gradients - gradients.mean(axis=0)) ** 2, axis=1)))
    return spread / size * (rows - size) / (rows - 1)


def noise_floor(curvature: float, rate: float, noise: float) -> float:
    """Return E F − F* where the walk hovers on F = ½ λ w², with independent noise of this variance a step.

    >>> noise_floor(2.0, 0.5, 1.0)
    0.25
    """
    return rate * noise / (2.0 * (2.0 - rate * curvature))
