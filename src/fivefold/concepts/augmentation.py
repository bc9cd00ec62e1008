"""Augmentation: train on changed copies of the rows too, where the change leaves the label as it was.

    R(f) = (1/n) Σᵢ E_g ℓ(f(g xᵢ), yᵢ)        g: a flip, a shift, a crop, drawn anew each time
    mixup:  x̃ = λ xᵢ + (1 − λ) xⱼ,   ỹ = λ yᵢ + (1 − λ) yⱼ,   λ ~ Beta(α, α)
    f̄(x) = (1/|G|) Σ_g f(g x):  its loss is at most R(f), ℓ convex        G: a group of changes
    squares:  E_g (y − w · g x)² = (y − w · x̄)² + wᵀ C w        x̄, C: mean and covariance of x's copies

Each row stands for a neighbourhood instead of a point: the vicinal risk. For squares that is the mean copy,
with a penalty on the directions in which the copies differ. What a change does to the label, no formula says.

Source: Chapelle, Weston, Bottou and Vapnik (2000); Zhang, Cisse, Dauphin and Lopez-Paz, mixup (2018);
Chen, Dobriban and Lee (2020) for groups.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def flip(x: Array, axis: int = -1) -> Array:
    """Mirror pictures x [..., height, width]: left and right, or top and bottom by the axis −2.

    >>> flip(np.array([[1.0, 2.0, 3.0]]))
    array([[3., 2., 1.]])
    """
    return np.flip(x, axis)


def shift(x: Array, down: int, right: int) -> Array:
    """Move pictures x [..., height, width] by whole pixels; zeros enter. Padding, then a crop, is just this.

    >>> shift(np.array([[1.0, 2.0], [3.0, 4.0]]), 1, -1)
    array([[0., 0.],
           [2., 0.]])
    """
    m, (height, width) = max(abs(down), abs(right)), x.shape[-2:]
    wide = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(m, m), (m, m)])
    return np.asarray(wide[..., m - down : m - down + height, m - right : m - right + width])


def mixup(x: Array, y: Array, partner: NDArray[np.int64], share: Array) -> tuple[Array, Array]:
    """Return x̃ [n, d] and ỹ [n, K]: row i with the share λᵢ, its partner with the rest.

    >>> mixup(np.array([[0.0], [4.0]]), np.eye(2), np.array([1, 0]), np.array([0.75, 0.5]))[0].ravel()
    array([1., 2.])
    """
    s = share[:, None]
    return s * x + (1.0 - s) * x[partner], s * y + (1.0 - s) * y[partner]


def averaged(f: Callable[[Array], Array], x: Array, changes: Sequence[Callable[[Array], Array]]) -> Array:
    """Return f̄(x), the mean of f over the changed copies of x: the same for x and g x, for a group.

    >>> averaged(lambda x: x[:, 0], np.array([[1.0, 5.0]]), [lambda x: x, flip])
    array([3.])
    """
    return np.asarray(np.mean([f(change(x)) for change in changes], axis=0))
