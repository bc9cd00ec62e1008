"""Linear systems: which combination of the columns gives b, and the matrix that answers it for every b.

    A x = b        P A = L U        L z = P b,  U x = z        A⁻¹ = (x for b = e₁, …, eₙ)

Subtract multiples of one row from the rows below until a triangle U is left; the multiples make L. Bring
the largest entry up first (the exchanges P): then no multiple exceeds 1, and rounding does not grow.

Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), sections 3.1 to 3.4.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def eliminate(A: Array, exchange: bool = True) -> tuple[NDArray[np.intp], Array, Array]:
    """Split a regular A [n, n]: the order of rows [n], L [n, n] with ones on its diagonal, U [n, n].

    >>> order, L, U = eliminate(np.array([[1.0, 2.0], [4.0, 2.0]]))
    >>> order.tolist(), L.tolist(), U.tolist()
    ([1, 0], [[1.0, 0.0], [0.25, 1.0]], [[4.0, 2.0], [0.0, 1.5]])
    """
    n = len(A)
    U, L, order = A.astype(np.float64), np.eye(n), np.arange(n)
    for j in range(n):
        if exchange:
            pivot = j + int(np.argmax(np.abs(U[j:, j])))
            U[[j, pivot]], order[[j, pivot]] = U[[pivot, j]], order[[pivot, j]]
            L[[j, pivot], :j] = L[[pivot, j], :j]
        if U[j, j] == 0.0:
            raise ZeroDivisionError(
                f"column {j} has no pivot: a combination of the others, or rows to exchange"
            )
        for i in range(j + 1, n):
            L[i, j] = U[i, j] / U[j, j]
            U[i, j:] -= L[i, j] * U[j, j:]
            U[i, j] = 0.0
    return order, L, U


def solve(A: Array, b: Array, exchange: bool = True) -> Array:
    """Return x with A x = b, for one b [n] or several [n, k]: n³/3 products once, n² for each b.

    >>> solve(np.array([[1.0, 2.0], [4.0, 2.0]]), np.array([5.0, 8.0]))
    array([1., 2.])
    """
    order, L, U = eliminate(A, exchange)
    n, z = len(A), b[order].astype(np.float64)
    for i in range(n):  # downwards: every unknown above is known already
        z[i] -= L[i, :i] @ z[:i]
    for i in reversed(range(n)):  # upwards
        z[i] = (z[i] - U[i, i + 1 :] @ z[i + 1 :]) / U[i, i]
    return z


def inverse(A: Array) -> Array:
    """Solve for every unit vector: the answers are the columns of A⁻¹ [n, n].

    >>> inverse(np.array([[1.0, 2.0], [0.0, 4.0]]))
    array([[ 1.  , -0.5 ],
           [ 0.  ,  0.25]])
    """
    return solve(A, np.eye(len(A)))
