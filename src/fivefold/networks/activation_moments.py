r"""Moments of activations under normal sums: E[a(√q z)²] and E[a'(√q z)²] for z ~ N(0, 1)."""

from functools import cache

import numpy as np
import torch

from fivefold.networks.style import activation_layer

_REACH = 10.0  # N(0, 1) beyond it: 1.5e-23
_HALVINGS = 60
_NODES = 24
_KINKS = (3.0, 6.0)  # of hardswish and relu6; those at 0 are ends of pieces anyway


@cache
def moments(activation: str, q: float) -> tuple[float, float]:
    """Return E[a(√q z)²] and E[a'(√q z)²], by Gauss-Legendre quadrature on pieces.

    Pieces halve towards 0, so that any scale of q is resolved, and end where activations have kinks.

    Args:
        activation: One of :data:`~fivefold.networks.style.ACTIVATIONS`.
        q: Variance of the sums, positive and finite.

    >>> relu = moments("relu", 1.0)
    >>> round(relu[0], 12), round(relu[1], 12)
    (0.5, 0.5)
    """
    scale = float(np.sqrt(q))
    ends = {_REACH * 0.5**k for k in range(_HALVINGS)} | {k / scale for k in _KINKS if k < _REACH * scale}
    positive = np.array(sorted(ends | {0.0}))
    edges = np.concatenate([-positive[:0:-1], positive])
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    centre, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    z = (centre[:, None] + half[:, None] * nodes).ravel()
    mass = (half[:, None] * weights).ravel() * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    sums = torch.from_numpy(scale * z).requires_grad_()
    with torch.enable_grad():  # whatever the caller has turned off
        values = activation_layer(activation, in_place=False)(sums)
        (slopes,) = torch.autograd.grad(values.sum(), sums)
    return float(mass @ values.detach().numpy() ** 2), float(mass @ slopes.numpy() ** 2)
