"""Kronecker products: a matrix for rows and a matrix for columns make one for the whole table.

    A ⊗ B = the blocks aᵢⱼ B        (A ⊗ B) vec(X) = vec(B X Aᵀ)

vec puts the columns of X under each other: B acts within each column, A across them. With A = P α Pᵀ [n, n]
and B = Q β Qᵀ [m, m], A ⊗ B has eigenvalues αᵢ βⱼ, eigenvectors P ⊗ Q, log|A ⊗ B| = m log|A| + n log|B|.

Source: Van Loan (2000), J. Comput. Appl. Math. 123; Stegle et al. (2011), NeurIPS.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def vec(X: Array) -> Array:
    """Put the columns of X [m, n] under each other, [nm]."""
    return X.T.reshape(-1)


def kronecker(A: Array, B: Array) -> Array:
    """Write the product out, [nm, nm]: for small examples, and to test the rest.

    >>> kronecker(np.array([[1.0, 2.0]]), np.array([[1.0], [3.0]]))
    array([[1., 2.],
           [3., 6.]])
    """
    return np.block([[a * B for a in row] for row in A])


def multiply(A: Array, B: Array, X: Array) -> Array:
    """Apply A ⊗ B to vec(X) without writing it out: B X Aᵀ, as a table."""
    return B @ X @ A.T


def solve(A: Array, B: Array, Y: Array) -> Array:
    """Return the X with (A ⊗ B) vec(X) = vec(Y): B⁻¹ Y A⁻ᵀ, two small systems."""
    return np.linalg.solve(A, np.linalg.solve(B, Y).T).T


def log_determinant(A: Array, B: Array) -> float:
    """Return log |det(A ⊗ B)|: each factor counts as often as the other has rows.

    >>> log_determinant(np.diag([1.0, np.e]), np.eye(3))
    3.0
    """
    return float(len(B) * np.linalg.slogdet(A)[1] + len(A) * np.linalg.slogdet(B)[1])


def smooth(A: Array, B: Array, Y: Array, noise: float) -> tuple[Array, float]:
    """Separate a signal of covariance A ⊗ B from noise of this variance; return it, and how well it fits.

    With K = A ⊗ B, the signal's mean given Y is K (K + σ²I)⁻¹ vec(Y), and the fit is log p(Y). K + σ²I is no
    Kronecker product, but its eigenvectors are still P ⊗ Q, and its eigenvalues αᵢ βⱼ + σ².
    """
    (alpha, P), (beta, Q) = np.linalg.eigh(A), np.linalg.eigh(B)
    values = np.outer(beta, alpha)  # one eigenvalue for each entry of the rotated table
    total, rotated = values + noise, multiply(P.T, Q.T, Y)
    log_p = -0.5 * np.sum(rotated**2 / total + np.log(2 * np.pi * total))
    return multiply(P, Q, values / total * rotated), float(log_p)


def operations(n: int, m: int) -> tuple[int, int]:
    """Count the operations of one product, written out and by the factors: 2(nm)² and 2nm(n + m).

    >>> operations(100, 100)
    (200000000, 4000000)
    """
    return 2 * (n * m) ** 2, 2 * n * m * (n + m)
