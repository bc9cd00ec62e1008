"""A recurrent cell: one layer used at every step of a sequence, with its own last answer as an input.

    plain:  hₜ = tanh(W xₜ + U hₜ₋₁ + b)
    gated:  r, z = σ(W xₜ + b + U hₜ₋₁ + c)    n = tanh(W xₜ + b + r ⊙ (U hₜ₋₁ + c))
            hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁                     each of r, z, n has weights of its own
    back:   ∂L/∂hₜ₋₁ = Uᵀ gₜ    ∂L/∂U = Σₜ gₜ hₜ₋₁ᵀ    ∂L/∂W = Σₜ gₜ xₜᵀ    gₜ = (1 − hₜ²) ⊙ ∂L/∂hₜ

Every step back multiplies the slope by the same U and by the bend's slope: over a long lag it vanishes or
bursts. A gate z near one carries state and slope along unchanged. It is PyTorch's form: r comes after U.

Source: Elman (1990); Werbos (1990) for the way back; Cho et al. (2014) for the gated cell, or GRU.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def plain(x: Array, h: Array, W: Array, U: Array, b: Array) -> Array:
    """Return h₀, …, h_T [T + 1, n] of the plain cell: inputs x [T, d], first state h, W [n, d], U [n, n].

    >>> u = np.eye(1)
    >>> plain(np.array([[1.0], [0.0], [0.0]]), np.zeros(1), u, 2 * u, np.zeros(1)).ravel().round(3)
    array([0.   , 0.762, 0.909, 0.949])
    """
    states = [h]
    for row in x:
        states.append(np.tanh(W @ row + U @ states[-1] + b))
    return np.array(states)


def through_time(x: Array, h: Array, U: Array, slopes: Array) -> tuple[Array, Array, Array, Array]:
    """Return ∂L by every state [T + 1, n], by W, U and b, for the plain cell's states h [T + 1, n].

    ``slopes`` [T + 1, n] is what the loss sends to each state directly; what comes from later ones is added.

    >>> h, last = np.array([[0.1], [0.6], [0.8]]), np.array([[0.0], [0.0], [1.0]])
    >>> through_time(np.zeros((2, 1)), h, np.array([[2.0]]), last)[0].ravel().round(4)
    array([0.9216, 0.72  , 1.    ])
    """
    d, g = slopes.astype(np.float64), np.zeros_like(h)
    for t in range(len(x), 0, -1):
        g[t] = (1.0 - h[t] ** 2) * d[t]
        d[t - 1] += U.T @ g[t]
    return d, g[1:].T @ x, g[1:].T @ h[:-1], g[1:].sum(axis=0)


def gated(x: Array, h: Array, W: Array, U: Array, b: Array, c: Array) -> Array:
    """Return h₀, …, h_T [T + 1, n] of the gated cell; W [3n, d], U [3n, n], b, c [3n] stack r, z and n.

    >>> W, U, b = np.array([[0.0], [0.0], [9.0]]), np.zeros((3, 1)), np.array([0.0, 3.0, 0.0])
    >>> gated(np.array([[1.0], [0.0], [0.0]]), np.zeros(1), W, U, b, np.zeros(3)).ravel().round(4)
    array([0.    , 0.0474, 0.0452, 0.043 ])
    """
    states = [h]
    for row in x:
        (r, z, n), (s, k, m) = np.split(W @ row + b, 3), np.split(U @ states[-1] + c, 3)
        keep = 1.0 / (1.0 + np.exp(-(z + k)))
        new = np.tanh(n + m / (1.0 + np.exp(-(r + s))))
        states.append((1.0 - keep) * new + keep * states[-1])
    return np.array(states)
