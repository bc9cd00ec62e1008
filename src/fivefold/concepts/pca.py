"""Principal component analysis: the directions in which a cloud of points is widest.

    X − 1 x̄ᵀ = U diag(σ) Vᵀ        varianceⱼ = σⱼ² / (n − 1)

Centre the cloud and take its singular value decomposition. The first row of Vᵀ is the line that keeps
most of the variance, which is the line with the smallest squared distances to the points.

Source: Pearson (1901), Phil. Mag. 2(11), 559–572; Hotelling (1933), J. Educ. Psychol. 24, 417–441.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pca(X: Array, k: int) -> tuple[Array, Array, Array]:
    """Return the mean [p], the first k directions as rows [k, p], and the variance along each [k].

    >>> mean, directions, variances = pca(np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]), k=1)
    >>> mean, np.round(np.abs(directions), 6), np.round(variances, 6)
    (array([2., 2.]), array([[0.707107, 0.707107]]), array([8.]))
    """
    mean = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    return mean, Vt[:k], s[:k] ** 2 / (len(X) - 1)


def scores(X: Array, mean: Array, directions: Array) -> Array:
    """Give each row of X [n, p] its k coordinates along the directions: [n, k]."""
    return (X - mean) @ directions.T


def reconstruct(scores: Array, mean: Array, directions: Array) -> Array:
    """Go back from k coordinates to p columns; what is lost is the variance that was not kept.

    >>> X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> mean, directions, _ = pca(X, k=1)
    >>> np.allclose(reconstruct(scores(X, mean, directions), mean, directions), X)
    True
    """
    return mean + scores @ directions


def variance_along(X: Array, direction: Array) -> float:
    """Return the variance of the cloud's shadow on a line: uᵀ S u, u = direction / ‖direction‖.

    >>> variance_along(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([3.0, 0.0]))
    2.0
    """
    shadow = (X - X.mean(axis=0)) @ direction / np.linalg.norm(direction)
    return float(shadow @ shadow / (len(X) - 1))
