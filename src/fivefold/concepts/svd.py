"""Singular value decomposition: every matrix is a turn, a stretch along axes, and a turn.

    A = U diag(σ) Vᵀ = Σᵢ σᵢ uᵢ vᵢᵀ        σ₁ ≥ σ₂ ≥ … ≥ 0

Turn pairs of columns against each other until all stand at right angles: A V = U diag(σ). Their lengths
are then the singular values. The first k terms are the best approximation of rank k.

Source: Hestenes (1958), J. SIAM 6, 51–90; Eckart and Young (1936), Psychometrika 1, 211–218.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def svd(A: Array, sweeps: int = 14) -> tuple[Array, Array, Array]:
    """Return U [m, n], σ [n] from large to small, and Vᵀ [n, n] of A [m, n], m ≥ n.

    A column of U that belongs to σ = 0 is left zero: A says nothing about it.

    >>> U, s, Vt = svd(np.array([[3.0, 0.0], [4.0, 5.0]]))
    >>> np.round(s**2, 9)
    array([45.,  5.])
    >>> np.round((U * s) @ Vt, 9) + 0.0
    array([[3., 0.],
           [4., 5.]])
    """
    columns, V = A.astype(np.float64), np.eye(A.shape[1])
    for _ in range(sweeps):
        for p in range(A.shape[1]):
            for q in range(p + 1, A.shape[1]):
                x, y = columns[:, p], columns[:, q]
                angle = 0.5 * np.arctan2(2.0 * (x @ y), y @ y - x @ x)
                cos, sin = np.cos(angle), np.sin(angle)
                turn = np.array([[cos, sin], [-sin, cos]])  # after it x · y = 0, and y is the longer one
                columns[:, [p, q]] = columns[:, [p, q]] @ turn
                V[:, [p, q]] = V[:, [p, q]] @ turn
    lengths = np.linalg.norm(columns, axis=0)
    order = np.argsort(lengths)[::-1]
    s = lengths[order]
    U = columns[:, order] / np.where(s > 0.0, s, 1.0)
    return U, s, V[:, order].T


def low_rank(A: Array, k: int) -> Array:
    """Keep the k largest terms: no matrix of rank k is nearer to A, and the error is √(σₖ₊₁² + …).

    >>> np.round(low_rank(np.array([[2.0, 0.0], [0.0, 1.0]]), k=1), 9)
    array([[2., 0.],
           [0., 0.]])
    """
    U, s, Vt = svd(A)
    return (U[:, :k] * s[:k]) @ Vt[:k]


def pseudo_inverse(A: Array, tolerance: float = 1e-12) -> Array:
    """Invert the stretches that can be inverted: A⁺ = V diag(1/σ) Uᵀ over σ > tolerance · σ₁.

    >>> np.round(pseudo_inverse(np.array([[2.0, 0.0], [0.0, 0.0]])), 9)
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    U, s, Vt = svd(A)
    kept = s > tolerance * s[0]
    inverse: Array = (Vt[kept].T / s[kept]) @ U[:, kept].T
    return inverse
