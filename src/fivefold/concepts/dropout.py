"""Dropout: during training each value is put to zero with probability p, the others grow to make up for it.

    h̃ = m ⊙ h/(1 − p),   mⱼ = 1 with probability 1 − p        at evaluation: h̃ = h
    E h̃ = h        Var h̃ⱼ = p/(1 − p) hⱼ²
    least squares:  E |y − X̃ w|² = |y − X w|² + p/(1 − p) Σⱼ |xⱼ|² wⱼ²        xⱼ: the columns of X

For least squares the noise is a ridge penalty, each weight's scaled by the size of its column: the units in
which a column is measured do not matter. p = 0 is least squares; as p goes to one, the weights go to zero.

Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014); Wager, Wang and Liang (2013).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def draw_mask(shape: tuple[int, ...], p: float, generator: np.random.Generator) -> Array:
    """Draw ones and zeros, each a zero with probability p.

    >>> draw_mask((8,), 0.5, np.random.default_rng(0))
    array([1., 0., 0., 0., 1., 1., 1., 1.])
    """
    return (generator.random(shape) >= p).astype(np.float64)


def dropout(h: Array, mask: Array | None, p: float) -> Array:
    """Return h̃; without a mask, as at evaluation, h itself. A slope goes back by the same call and mask.

    >>> dropout(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0]), 0.5)
    array([2., 0., 6.])
    >>> dropout(np.array([1.0, 2.0, 3.0]), None, 0.5)
    array([1., 2., 3.])
    """
    return h if mask is None else h * mask / (1.0 - p)


def expected_loss(X: Array, y: Array, w: Array, p: float) -> float:
    """Return E |y − X̃ w|² over all masks of the table X [n, d].

    >>> expected_loss(np.array([[3.0, 4.0]]), np.array([7.0]), np.ones(2), 0.5)
    25.0
    """
    return float(np.sum((y - X @ w) ** 2) + p / (1.0 - p) * np.sum(np.sum(X**2, axis=0) * w**2))


def ridge_of_dropout(X: Array, y: Array, p: float) -> Array:
    """Return the weights [d] at which the expected loss is least: (XᵀX + p/(1 − p) diag XᵀX) w = Xᵀy.

    >>> ridge_of_dropout(np.diag([1.0, 100.0]), np.array([1.0, 100.0]), 0.25)
    array([0.75, 0.75])
    """
    G = X.T @ X
    return np.asarray(np.linalg.solve(G + p / (1.0 - p) * np.diag(np.diag(G)), X.T @ y))
