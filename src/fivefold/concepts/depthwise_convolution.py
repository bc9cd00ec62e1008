"""Depthwise separable convolution: look at each channel by itself, then mix the channels at each pixel.

    grouped:    y[o, i, j] = Σ_c Σ_ab K[o, c, a, b] x[c, i + a, j + b],   c over o's group alone
    depthwise:  g = c_in,  one window D[c] for each channel;  pointwise: z[o] = Σ_c P[o, c] y[c]
    together one window  K[o, c] = P[o, c] D[c]:  for each channel c an outer product, of rank one
    products by pixel:  c_in t² + c_in c_out  against  c_in c_out t²,  a share of  1/c_out + 1/t²

With m windows for each channel the rank is m: every window can be written so with m = t², and the best m
layers come from the singular value decomposition of each K[:, c], as a matrix [out, t t].

Source: Sifre and Mallat (2014), arXiv 1403.1687; Chollet (2017), CVPR; Howard et al. (2017), 1704.04861.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def grouped(x: Array, K: Array, groups: int = 1) -> Array:
    """Lay windows K [out, in/groups, t, t] on x [in, height, width]: [out, rows, columns].

    >>> grouped(np.array([[[1.0, 2.0]], [[3.0, 5.0]]]), np.array([[[[10.0]]], [[[1.0]]]]), groups=2)
    array([[[10., 20.]], [[ 3.,  5.]]])
    """
    seen = np.lib.stride_tricks.sliding_window_view(x, K.shape[2:], axis=(1, 2))
    parts = zip(np.split(K, groups), np.split(seen, groups), strict=True)
    return np.concatenate([np.einsum("ocab,cijab->oij", *part) for part in parts])


def separable(x: Array, D: Array, P: Array) -> Array:
    """Apply m windows to each channel, D [in, m, t, t], then mix by P [out, in, m].

    >>> separable(np.array([[[1.0, 2.0]], [[3.0, 5.0]]]), np.ones((2, 1, 1, 2)), np.array([[[1.0], [-1.0]]]))
    array([[[-5.]]])
    """
    y = grouped(x, D.reshape(-1, 1, *D.shape[2:]), groups=len(D))
    return np.asarray(np.einsum("ok,kij->oij", P.reshape(len(P), -1), y))


def merged(D: Array, P: Array) -> Array:
    """Return the one window K [out, in, t, t] that does the same as :func:`separable`."""
    return np.asarray(np.einsum("ocm,cmab->ocab", P, D))


def nearest(K: Array, m: int) -> tuple[Array, Array]:
    """Return the D [in, m, t, t] and P [out, in, m] whose merged window is nearest to K [out, in, t, t]."""
    columns = K.reshape(*K.shape[:2], -1).transpose(1, 0, 2)
    U, s, V = np.linalg.svd(columns, full_matrices=False)
    return V[:, :m].reshape(-1, m, *K.shape[2:]), (U * s[:, None, :])[:, :, :m].transpose(1, 0, 2)


def share_of_products(out: int, window: int, m: int = 1) -> float:
    """Return the products of a separable convolution over those of an ordinary one: m (1/out + 1/t²).

    >>> share_of_products(18, 3), share_of_products(16, 2)
    (0.16666666666666666, 0.3125)
    """
    return m * (1.0 / out + 1.0 / window**2)
