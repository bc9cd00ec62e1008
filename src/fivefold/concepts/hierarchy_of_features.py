"""Hierarchy of features: edges from pixels, corners from edges, shapes from corners, by one kind of layer.

    hₗ₊₁ = pool( relu( Kₗ ∗ hₗ − bₗ ) )
    parts a₁, …, aₖ in [0, 1]:   relu(a₁ + … + aₖ − (k − 1)) > 0  only if all are there (AND)
    pool: the maximum over a patch, there or a little beside it (OR)

A window asks for parts at places, the bias b says how many of them must be there, and the maximum forgives
where exactly. Three such layers, written by hand, find an upright square and tell it from corners elsewhere.

Source: Hubel and Wiesel (1962), J. Physiol. 160; Fukushima (1980), Biol. Cybern. 36; LeCun et al. (1998).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def layer(h: Array, K: Array, b: float, window: int = 1) -> Array:
    """Return pool(relu(K ∗ h − b)) for h [in, height, width] and K [out, in, t, t], padded to keep the size.

    >>> layer(np.array([[[0.0, 1.0, 1.0, 0.0]]]), np.array([[[[1.0]]]]), b=0.25)
    array([[[0.  , 0.75, 0.75, 0.  ]]])
    """
    t = K.shape[2]
    h = np.pad(h, ((0, 0), (t // 2, (t - 1) // 2), (t // 2, (t - 1) // 2)))
    seen = np.lib.stride_tricks.sliding_window_view(h, (t, t), axis=(1, 2))
    y = np.maximum(np.einsum("ocab,cijab->oij", K, seen) - b, 0.0)
    rows, columns = y.shape[1] // window, y.shape[2] // window
    cut = y[:, : rows * window, : columns * window].reshape(len(y), rows, window, columns, window)
    return np.asarray(cut.max(axis=(2, 4)))


def edges() -> Array:
    """Return windows [4, 1, 3, 3] for the left, right, upper and lower rim of something bright.

    >>> layer(np.array([[[0.0, 0.0, 1.0]] * 3]), edges(), b=0.0)[:, 1, 1]
    array([1., 0., 0., 0.])
    """
    left = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0]) / 4.0
    return np.stack([left, -left, left.T, -left.T])[:, None]


def corners() -> Array:
    """Return windows [4, 4, 3, 3] on the four rims: upper left, upper right, lower left, lower right corner.

    Each asks for one rim beside it and one above or below, and minds both on the diagonal: that is no corner.
    """
    K = np.zeros((4, 4, 3, 3))
    for k in range(4):
        row, column = 2 * (k // 2), 2 * (k % 2)  # the corner's own side of the window
        across, upright = 2 + k // 2, k % 2  # upper or lower rim, left or right rim
        K[k, across, 1, 2 - column] = K[k, upright, 2 - row, 1] = 1.0
        for rim in (across, upright):
            K[k, rim, row, 2 - column] = K[k, rim, 2 - row, column] = -1.0
    return K


def square() -> Array:
    """Return the window [1, 4, 2, 2] that asks for each corner in its own quarter."""
    return np.eye(4).reshape(1, 4, 2, 2)
