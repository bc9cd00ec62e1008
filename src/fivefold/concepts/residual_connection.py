"""Residual connection: a layer adds to its input instead of replacing it, and the slope has a way round it.

    xₗ₊₁ = λ xₗ + s f(xₗ)        Jₗ = λ I + s f′(xₗ)        f(x) = relu(x W) V
    ∂L/∂x₀ = J₀ᵀ J₁ᵀ … ∂L/∂x_L = (λᴸ I + terms that pass one block, two blocks, …) ∂L/∂x_L
    W ~ N(0, 2/n), V ~ N(0, 1/n):  E |x_L|² = (λ² + s²)ᴸ |x₀|²,  and so for slopes of any direction
    share of the square that has passed k of L blocks:  C(L, k) (s²/λ²)ᵏ / (1 + s²/λ²)ᴸ

λ = 1 is the residual connection, λ = 0 with s = 1 the plain net. With λ = 1 the identity is one of the 2ᴸ
paths, whatever the weights. With s² = 1/L the square grows by e at most, however deep the net.

Source: He, Zhang, Ren and Sun (2016), CVPR and ECCV; paths: Veit, Wilber and Belongie (2016), NIPS.
"""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Blocks = Sequence[tuple[Array, Array]]


def forward(x: Array, blocks: Blocks, scale: float = 1.0, path: float = 1.0) -> list[Array]:
    """Return x₀, …, x_L [rows, n] of blocks (W, V), with s = ``scale`` and λ = ``path``.

    >>> forward(np.array([[1.0, -1.0]]), [(np.eye(2), np.eye(2))] * 2)[-1]
    array([[ 4., -1.]])
    """
    signals = [x]
    for W, V in blocks:
        signals.append(path * signals[-1] + scale * (np.maximum(signals[-1] @ W, 0.0) @ V))
    return signals


def backward(
    signals: list[Array], blocks: Blocks, slope: Array, scale: float = 1.0, path: float = 1.0
) -> list[Array]:
    """Return ∂L/∂xₗ [rows, n] for l = 0, …, L, from the signals and the slope ∂L/∂x_L.

    >>> signals = forward(np.array([[1.0, -1.0]]), [(np.eye(2), np.eye(2))] * 2)
    >>> backward(signals, [(np.eye(2), np.eye(2))] * 2, np.array([[1.0, 1.0]]))[0]
    array([[4., 1.]])
    """
    slopes = [slope]
    for x, (W, V) in zip(signals[-2::-1], blocks[::-1], strict=True):
        through = ((slopes[-1] @ V.T) * (x @ W > 0.0)) @ W.T
        slopes.append(path * slopes[-1] + scale * through)
    return slopes[::-1]


def path_shares(depth: int, scale: float = 1.0, path: float = 1.0) -> Array:
    """Return the shares of the expected square that has passed 0, …, ``depth`` blocks.

    >>> path_shares(2), path_shares(1, scale=0.5)
    (array([0.25, 0.5 , 0.25]), array([0.8, 0.2]))
    """
    ratio = (scale / path) ** 2
    return np.array([comb(depth, k) * ratio**k / (1.0 + ratio) ** depth for k in range(depth + 1)])
