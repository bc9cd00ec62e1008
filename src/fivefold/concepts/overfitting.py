"""Overfitting: a model with more freedom is nearer to its own rows, and not to the next ones.

    E train = b² + σ² (1 − d/n)        E test = b² + σ² (1 + d/n)        b² = |(I − P) f|² / n,  P = X X⁺
    new rows, Gaussian columns:  E test = s (1 + d/(n − d − 1))                    d < n − 1
                                 E test = c (1 − n/d) + s (1 + n/(d − n − 1))      d > n + 1

First line: least squares with d columns, new noise at the same rows, f the truth there. Then: n new rows, s =
σ² + the square of the coefficients left out, c that of those in; of many answers the shortest is taken.

Source: Mallows (1973) for the first; Belkin, Hsu and Xu, Two models of double descent (2020), theorem 1.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def polynomials(x: Array, degree: int) -> Array:
    """Return Chebyshev's polynomials of degrees 0, …, ``degree`` at x in [−1, 1], [n, degree + 1].

    >>> polynomials(np.array([0.5]), 3)
    array([[ 1. ,  0.5, -0.5, -1. ]])
    """
    return np.asarray(np.polynomial.chebyshev.chebvander(x, degree), dtype=np.float64)


def smoother(X: Array) -> Array:
    """Return P = X X⁺ [n, n], which takes what was seen to what is fitted: ŷ = P y.

    >>> smoother(np.ones((2, 1))).round(12)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return np.asarray(X @ np.linalg.pinv(X), dtype=np.float64)


def expected_errors(X: Array, truth: Array, noise: float) -> tuple[float, float, float]:
    """Return bias², the error on the rows learnt from, and on new noise there: σ² = ``noise``.

    >>> bias, train, test = expected_errors(np.ones((4, 1)), np.array([1.0, -1.0, 1.0, -1.0]), 0.4)
    >>> round(bias, 12), round(train, 12), round(test, 12)
    (1.0, 1.3, 1.5)
    """
    n, P = len(truth), smoother(X)
    bias, freedom = float(np.sum((truth - P @ truth) ** 2) / n), float(np.trace(P))
    return bias, bias + noise * (1.0 - freedom / n), bias + noise * (1.0 + freedom / n)


def new_rows_error(rows: int, columns: int, fitted: float, left_out: float, noise: float) -> float:
    """Return the expected error on new rows, all columns N(0, 1); infinite for n − 1 ≤ d ≤ n + 1.

    ``fitted`` and ``left_out``: the squared coefficients of the columns in the model, and of the others.

    >>> [round(new_rows_error(10, d, 1.0, 0.0, 0.5), 3) for d in (0, 5, 10, 20, 1000)]
    [0.5, 1.125, inf, 1.556, 1.495]
    """
    n, d, s = rows, columns, left_out + noise
    if d < n - 1:
        return s * (1.0 + d / (n - d - 1))
    return np.inf if d <= n + 1 else fitted * (1.0 - n / d) + s * (1.0 + n / (d - n - 1))
