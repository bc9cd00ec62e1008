"""Eigenvectors: the directions that a matrix only stretches.

    A v = λ v        A symmetric:  A = V diag(λ) Vᵀ,  VᵀV = I

Multiply any vector by A again and again and it turns towards the largest |λ|, by the factor |λ₂/λ₁| a
step. To find all of them, rotate two axes at a time until nothing is left off the diagonal.

Source: Jacobi (1846); Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 8.2 and 8.5.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def power_iteration(A: Array, start: Array, steps: int) -> tuple[float, Array]:
    """Multiply, shorten to length one, repeat: the dominant pair (λ, v [n]) of a symmetric A [n, n].

    >>> value, vector = power_iteration(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 0.0]), steps=40)
    >>> round(value, 12), np.round(vector, 6)
    (3.0, array([0.707107, 0.707107]))
    """
    v = start / np.linalg.norm(start)
    for _ in range(steps):
        v = A @ v
        v /= np.linalg.norm(v)
    return float(v @ A @ v), v


def rotation(A: Array, p: int, q: int) -> Array:
    """Return the rotation of axes p and q that makes entry (p, q) of JᵀAJ zero."""
    angle = 0.5 * np.arctan2(2.0 * A[p, q], A[q, q] - A[p, p])
    J = np.eye(len(A))
    J[p, p] = J[q, q] = np.cos(angle)
    J[p, q], J[q, p] = np.sin(angle), -np.sin(angle)
    return J


def eigenvectors(A: Array, sweeps: int = 12) -> tuple[Array, Array]:
    """Return all eigenvalues [n], largest first, and eigenvectors as columns [n, n] of a symmetric A [n, n].

    >>> values, vectors = eigenvectors(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> np.round(values, 12)
    array([3., 1.])
    """
    n = len(A)
    V = np.eye(n)
    for _ in range(sweeps):  # each sweep squares what is left off the diagonal, once that is small
        for p in range(n):
            for q in range(p + 1, n):
                J = rotation(A, p, q)
                A, V = J.T @ A @ J, V @ J
    order = np.argsort(np.diag(A))[::-1]
    return np.diag(A)[order], V[:, order]
