"""Power iteration and Lanczos: a few eigenvalues of a matrix that you can only multiply with.

    x, A x, A² x, …        A Qₖ = Qₖ Tₖ + βₖ qₖ₊₁ eₖᵀ        λ(Tₖ) → the ends of λ(A)

Power iteration keeps the last vector alone and gains the factor (λ₂/λ₁)² a step. Lanczos keeps them all
as an orthonormal basis, and finds the best answer among their combinations for the same products.

Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 8.2 and 10.1; Paige (1972).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Multiply = Callable[[Array], Array]


def power_iteration(multiply: Multiply, start: Array, steps: int) -> Array:
    """Return the estimate of the eigenvalue of largest size after each of the steps, [steps].

    >>> A = np.diag([3.0, 1.0])
    >>> power_iteration(lambda x: A @ x, np.array([1.0, 1.0]), steps=3).round(4)
    array([2.    , 2.8   , 2.9756])
    """
    estimates, v = np.zeros(steps), start / np.linalg.norm(start)
    for k in range(steps):
        Av = multiply(v)
        estimates[k] = v @ Av
        v = Av / np.linalg.norm(Av)
    return estimates


def lanczos(multiply: Multiply, start: Array, steps: int, keep_apart: bool = True) -> tuple[Array, Array]:
    """Return the basis Q [n, k] and T = QᵀAQ [k, k] of a symmetric A, k ≤ steps.

    Only the two last vectors enter a new one, in exact arithmetic. Rounded, the basis loses its right
    angles as soon as an eigenvector is found; ``keep_apart`` takes all old directions out again.

    >>> A = np.diag([3.0, 2.0, 1.0])
    >>> Q, T = lanczos(lambda x: A @ x, np.ones(3), steps=3)
    >>> ritz_values(T).round(9)
    array([3., 2., 1.])
    """
    Q, T = np.zeros((len(start), steps)), np.zeros((steps, steps))
    q = start / np.linalg.norm(start)
    for k in range(steps):
        Q[:, k] = q
        r = multiply(q)
        T[k, k] = q @ r
        r = r - T[k, k] * q - (T[k, k - 1] * Q[:, k - 1] if k > 0 else 0.0)
        for _ in range(2 if keep_apart else 0):  # twice is enough
            r = r - Q[:, : k + 1] @ (Q[:, : k + 1].T @ r)
        beta = float(np.linalg.norm(r))
        if k + 1 == steps or beta < 1e-13 * np.abs(T).max():  # the second: nothing new to be found
            return Q[:, : k + 1], T[: k + 1, : k + 1]
        T[k, k + 1] = T[k + 1, k] = beta
        q = r / beta
    return Q, T


def ritz_values(T: Array) -> Array:
    """Return the eigenvalues of the small T, largest first: the estimates of A's."""
    return np.asarray(np.linalg.eigvalsh(T)[::-1], dtype=np.float64)
