"""The condition number: how many times larger the error of the answer is than the error of the data.

    ‖δx‖/‖x‖ ≤ κ ‖δb‖/‖b‖        κ(A) = ‖A‖ ‖A⁻¹‖ = σ₁/σₙ        κ(f, x) = |x f′(x) / f(x)|

It belongs to the problem, not to the method: κ = 10ᵏ costs k of the sixteen digits, whoever computes.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), sections 1.6, 7.1, 15.2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Solver = Callable[[Array], Array]


def condition(A: Array) -> float:
    """Divide the largest stretch of A [n, n] by the smallest; infinite where a direction is lost.

    >>> condition(np.array([[10.0, 0.0], [0.0, 0.1]]))
    100.0
    """
    s = np.linalg.svd(A, compute_uv=False)
    return float(s[0] / s[-1]) if s[-1] > 0.0 else float("inf")


def worst_case(A: Array) -> tuple[Array, Array]:
    """Return the b [n] and the error δb [n], both of length one, for which the bound is met exactly.

    b lies where A stretches most, so that x is short; δb where it stretches least, so that δx is long.
    """
    U = np.linalg.svd(A)[0]
    return U[:, 0], U[:, -1]


def condition_of_function(f: Callable[[float], float], slope: Callable[[float], float], x: float) -> float:
    """Return by what factor f, of slope f′, multiplies a small relative error of x.

    >>> condition_of_function(lambda x: x - 1.0, lambda x: 1.0, 1.001)  # doctest: +ELLIPSIS
    1001.0...
    """
    return float(abs(x * slope(x) / f(x)))


def correct_digits(kappa: float, error: float = 2.0**-53) -> float:
    """Return how many decimal digits of the answer remain, from data with this relative error.

    >>> round(correct_digits(1e10), 1)
    6.0
    """
    return max(0.0, -float(np.log10(kappa * error)))


def inverse_norm(solve: Solver, solve_transposed: Solver, n: int) -> float:
    """Estimate ‖A⁻¹‖₁ from a few solves, from below: climb from corner to corner of the unit ball.

    >>> d = np.array([4.0, 0.5, 2.0])
    >>> inverse_norm(lambda b: b / d, lambda b: b / d, n=3)
    2.0
    """
    x, best = np.full(n, 1.0 / n), 0.0
    for _ in range(5):
        y = solve(x)
        best = max(best, float(np.abs(y).sum()))
        uphill = solve_transposed(np.where(y >= 0.0, 1.0, -1.0))
        x = np.eye(n)[int(np.argmax(np.abs(uphill)))]
    return best
