"""Convolution: one small window of weights, laid on every place of the picture.

    y[o, i, j] = Σ_c Σ_a Σ_b K[o, c, a, b] · x[c, s i + a − p, s j + b − p]        m = ⌊(n + 2p − t)/s⌋ + 1

Stride s leaves places out, padding p adds zeros around the edge. The same few weights see every place, so
a shifted picture gives a shifted answer. As a matrix it is mostly zeros, its rows one row shifted.

Source: Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning, arXiv 1603.07285.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def output_size(n: int, window: int, stride: int = 1, padding: int = 0) -> int:
    """Count the places of a window [window] on a row of n: ⌊(n + 2p − t)/s⌋ + 1.

    >>> output_size(7, window=3), output_size(7, window=3, padding=1), output_size(7, window=3, stride=2)
    (5, 7, 3)
    """
    return (n + 2 * padding - window) // stride + 1


def convolve(x: Array, K: Array, stride: int = 1, padding: int = 0) -> Array:
    """Lay the windows K [out, in, t, u] on the picture x [in, height, width]: [out, rows, columns].

    As networks do, the window is not mirrored (a cross-correlation, in the language of signals).

    >>> edge = np.array([[[[-1.0, 1.0]]]])
    >>> convolve(np.array([[[0.0, 0.0, 5.0, 5.0]]]), edge)
    array([[[0., 5., 0.]]])
    """
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    out, _, t, u = K.shape
    y = np.zeros((out, output_size(x.shape[1], t, stride), output_size(x.shape[2], u, stride)))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            patch = x[:, stride * i : stride * i + t, stride * j : stride * j + u]
            y[:, i, j] = np.sum(K * patch, axis=(1, 2, 3))
    return y


def transposed(y: Array, K: Array, size: tuple[int, int], stride: int = 1, padding: int = 0) -> Array:
    """Go back: every value of y [out, rows, columns] paints its window onto a picture of this size.

    This is the transposed matrix, not the inverse: it carries gradients back, and makes small pictures large.
    """
    _, channels, t, u = K.shape
    x = np.zeros((channels, size[0] + 2 * padding, size[1] + 2 * padding))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = np.tensordot(y[:, i, j], K, axes=1)
            x[:, stride * i : stride * i + t, stride * j : stride * j + u] += window
    return x[:, padding : padding + size[0], padding : padding + size[1]]


def as_matrix(K: Array, size: tuple[int, int], stride: int = 1, padding: int = 0) -> Array:
    """Write the convolution as a matrix: its columns are the answers to pictures of a single dot.

    >>> as_matrix(np.array([[[[-1.0, 1.0]]]]), (1, 3))
    array([[-1.,  1.,  0.],
           [ 0., -1.,  1.]])
    """
    dots = np.eye(K.shape[1] * size[0] * size[1]).reshape(-1, K.shape[1], *size)
    return np.stack([convolve(dot, K, stride, padding).ravel() for dot in dots], axis=1)
