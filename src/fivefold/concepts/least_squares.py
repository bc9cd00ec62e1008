"""Least squares: the combination of columns that comes nearest to y.

    ŵ = argmin_w ‖X w − y‖²        Xᵀ (X ŵ − y) = 0

At the optimum the residual stands at right angles to every column. With X = Q R, Q's columns
orthonormal and R triangular, that is R ŵ = Qᵀ y, solved from the last row upwards.

Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 5.2 and 5.3.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gram_schmidt(X: Array) -> tuple[Array, Array]:
    """Split X [n, p], of full column rank, into Q [n, p] with QᵀQ = I and R [p, p] upper triangular.

    >>> Q, R = gram_schmidt(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.round(R, 3)
    array([[5. , 2.2],
           [0. , 0.4]])
    """
    rest = X.astype(np.float64)
    p = X.shape[1]
    Q, R = np.zeros_like(rest), np.zeros((p, p))
    for j in range(p):
        R[j, j] = np.linalg.norm(rest[:, j])
        Q[:, j] = rest[:, j] / R[j, j]
        for k in range(j + 1, p):  # take this direction out of all columns to come
            R[j, k] = Q[:, j] @ rest[:, k]
            rest[:, k] -= R[j, k] * Q[:, j]
    return Q, R


def back_substitute(R: Array, b: Array) -> Array:
    """Solve R w = b, R [p, p] upper triangular: the last unknown stands alone, then one more at a time.

    >>> back_substitute(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0]))
    array([1., 2.])
    """
    w = np.zeros(len(b))
    for i in reversed(range(len(b))):
        w[i] = (b[i] - R[i, i + 1 :] @ w[i + 1 :]) / R[i, i]
    return w


def least_squares(X: Array, y: Array) -> Array:
    """Return the weights ŵ [p] for which X ŵ is nearest to y [n].

    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> np.round(least_squares(X, np.array([1.0, 3.0, 5.0])), 12)
    array([1., 2.])
    """
    Q, R = gram_schmidt(X)
    rest, coefficients = y.astype(np.float64), np.zeros(X.shape[1])
    for j, q in enumerate(Q.T):  # Qᵀy, taken out of y one by one: accurate where Q is not quite orthogonal
        coefficients[j] = q @ rest
        rest -= coefficients[j] * q
    return back_substitute(R, coefficients)
