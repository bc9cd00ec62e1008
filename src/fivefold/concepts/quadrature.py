"""Quadrature: an integral as a weighed sum of a few values, at points chosen beforehand.

    ∫ₐᵇ f(x) dx ≈ Σᵢ wᵢ f(xᵢ)

    trapezoid   straight lines between the points     error h² (f′(b) − f′(a)) / 12 + …
    Simpson     parabolas over two steps              error of order h⁴
    Gauss       n points chosen as well               exact for polynomials of degree 2n − 1

A rule is a pair: points x [n] and weights w [n]. The orders hold where f is smooth; a kink costs them.

Source: Golub and Welsch (1969), Math. Comp. 23; Davis and Rabinowitz, Numerical Integration (1984), ch. 2.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rule = tuple[Array, Array]


def trapezoid(n: int, a: float, b: float) -> Rule:
    """Return n ≥ 2 evenly spaced points from a to b; the two ends count half.

    >>> trapezoid(3, 0.0, 2.0)
    (array([0., 1., 2.]), array([0.5, 1. , 0.5]))
    """
    w = np.full(n, (b - a) / (n - 1))
    w[[0, -1]] /= 2.0
    return np.linspace(a, b, n), w


def simpson(n: int, a: float, b: float) -> Rule:
    """Return n evenly spaced points, n odd: the weights 1, 4, 2, 4, …, 2, 4, 1 times h/3."""
    w = np.full(n, 2.0)
    w[1::2] = 4.0
    w[[0, -1]] = 1.0
    return np.linspace(a, b, n), w * (b - a) / (n - 1) / 3.0


def gauss(off_diagonal: Array) -> Rule:
    """Return the rule of a density, symmetric about 0, by its polynomials: x pₖ = bₖ pₖ₋₁ + bₖ₊₁ pₖ₊₁.

    That is T p = x p: points are eigenvalues of T, weights the squared first entries of its eigenvectors.
    """
    x, V = np.linalg.eigh(np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1))
    return x, V[0] ** 2


def gauss_legendre(n: int, a: float, b: float) -> Rule:
    """Return the n points for ∫ₐᵇ f(x) dx: bₖ = k / √(4k² − 1).

    >>> x, w = gauss_legendre(3, 0.0, 2.0)
    >>> float((w @ x**5).round(9))  # three points, degree five: 2⁶/6
    10.666666667
    """
    k = np.arange(1.0, n)
    x, w = gauss(k / np.sqrt(4.0 * k**2 - 1.0))
    return (a + b) / 2 + (b - a) / 2 * x, (b - a) * w


def gauss_hermite(n: int, mean: float = 0.0, sd: float = 1.0) -> Rule:
    """Return the n points for E f(X), X normal: bₖ = √k.

    >>> x, w = gauss_hermite(2, mean=1.0, sd=3.0)
    >>> float((w @ x**2).round(9))  # E X² = 1² + 3²
    10.0
    """
    x, w = gauss(np.sqrt(np.arange(1.0, n)))
    return mean + sd * x, w
