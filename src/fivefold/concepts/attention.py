"""Attention: every query looks at all keys and takes the mean of their values, by how well they agree.

    A = softmax(Q Kᵀ/√d)    Y = A V        softmax by rows; a key that must not be seen has the score −∞
    heads:  Y = [Y₁ … Y_H] W_O,   Yₖ from the k-th parts of x W_Q, x W_K and x W_V
    entries N(0, 1):  Var(q · k) = d, so that Var(q · k/√d) = 1        ∂aᵢ/∂sⱼ = aᵢ (δᵢⱼ − aⱼ)

The answer lies among the values: a mean, never beyond. Without 1/√d the scores spread as √d does; one weight
is then nearly one, the others nearly zero, and no slope comes back through the softmax.

Source: Vaswani et al., Attention is all you need (2017); Bahdanau, Cho and Bengio (2015) before it.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]  # True where a query may see a key


def softmax(scores: Array, mask: Mask | None = None) -> Array:
    """Return weights that sum to one along the last axis; all zero where there is no key to see.

    >>> softmax(np.array([[0.0, 0.0, 5.0]]), np.array([[True, True, False]]))
    array([[0.5, 0.5, 0. ]])
    """
    seen = np.ones(scores.shape, dtype=bool) if mask is None else np.broadcast_to(mask, scores.shape)
    top = np.max(scores, axis=-1, keepdims=True, where=seen, initial=-1e300)
    grown = np.where(seen, np.exp(np.where(seen, scores - top, 0.0)), 0.0)
    return np.asarray(grown / np.maximum(grown.sum(axis=-1, keepdims=True), 1.0))  # the largest is exp 0


def attention(
    Q: Array, K: Array, V: Array, mask: Mask | None = None, scale: float | None = None
) -> tuple[Array, Array]:
    """Return Y [..., m, v] and the weights A [..., m, n]: Q [..., m, d], K [..., n, d], V [..., n, v].

    >>> K, V = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[10.0], [20.0]])
    >>> attention(np.array([[0.0, 0.0], [0.0, 50.0]]), K, V)[0].round(6).ravel()
    array([15., 20.])
    """
    scores = Q @ np.swapaxes(K, -1, -2) * (Q.shape[-1] ** -0.5 if scale is None else scale)
    A = softmax(scores, mask)
    return A @ V, A


def several_heads(
    x: Array, W: tuple[Array, Array, Array, Array], heads: int, mask: Mask | None = None
) -> tuple[Array, Array]:
    """Return Y [n, d] and the weights [heads, n, n] of rows x [n, d] that look at each other.

    W holds W_Q, W_K, W_V and W_O, [d, d] each; every head has d/heads of their columns.
    """
    Q, K, V = (np.stack(np.split(x @ each, heads, axis=1)) for each in W[:3])
    Y, A = attention(Q, K, V, mask)
    return np.concatenate(list(Y), axis=1) @ W[3], A


def slope_left(A: Array) -> Array:
    """Return Σᵢ ∂aᵢ/∂sᵢ = 1 − Σ aᵢ² for each row of weights: zero where one key takes all.

    >>> slope_left(np.array([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]]))
    array([0.75, 0.  ])
    """
    return np.asarray(1.0 - np.sum(A**2, axis=-1))
