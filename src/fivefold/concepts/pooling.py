"""Pooling: a patch of the picture becomes one number, its largest or its mean.

    max:  y[i, j] = max_{a, b} x[s i + a, s j + b]        mean:  y[i, j] = (1/t²) Σ_{a, b} x[s i + a, s j + b]

It has no weights. It makes the picture smaller and forgets where in the patch a thing was: the maximum asks
whether it was there, the mean how much of it. Back go gradients to the winner alone, or to all alike.

Source: LeCun et al. (1998), Proc. IEEE 86; Scherer, Müller and Behnke (2010), ICANN; Zhang (2019), ICML.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def patches(x: Array, window: int, stride: int) -> Array:
    """Cut x [height, width] into the patches that windows see: [rows, columns, window · window].

    What is left at the right and lower edge, too narrow for a window, is dropped.

    >>> patches(np.arange(6.0).reshape(2, 3), window=2, stride=1)[0, 1]
    array([1., 2., 4., 5.])
    """
    rows, columns = ((n - window) // stride + 1 for n in x.shape)
    cut = np.zeros((rows, columns, window * window))
    for i in range(rows):
        for j in range(columns):
            cut[i, j] = x[stride * i : stride * i + window, stride * j : stride * j + window].ravel()
    return cut


def max_pool(x: Array, window: int, stride: int) -> Array:
    """Keep the largest value of each patch.

    >>> max_pool(np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 1.0, 7.0]]), window=2, stride=2)
    array([[5., 7.]])
    """
    return np.asarray(patches(x, window, stride).max(axis=2))


def mean_pool(x: Array, window: int, stride: int) -> Array:
    """Keep the mean of each patch; with the window as large as the picture, its mean alone.

    >>> mean_pool(np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 1.0, 7.0]]), window=2, stride=2)
    array([[3.25, 2.5 ]])
    """
    return np.asarray(patches(x, window, stride).mean(axis=2))


def max_pool_gradient(x: Array, dy: Array, window: int, stride: int) -> Array:
    """Carry the gradient dy [rows, columns] back to x [height, width]: each to its patch's winner.

    >>> max_pool_gradient(np.array([[1.0, 5.0], [3.0, 4.0]]), np.array([[2.0]]), window=2, stride=2)
    array([[0., 2.],
           [0., 0.]])
    """
    winners = patches(x, window, stride).argmax(axis=2)
    dx = np.zeros_like(x)
    for (i, j), winner in np.ndenumerate(winners):
        a, b = divmod(int(winner), window)
        dx[stride * i + a, stride * j + b] += dy[i, j]
    return dx
