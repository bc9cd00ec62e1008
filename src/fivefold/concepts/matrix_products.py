"""Matrix products: one linear map after another.

    (A B)ᵢⱼ = Σₖ Aᵢₖ Bₖⱼ        (A B) x = A (B x)

Read the same sum in three ways: each entry is a dot product, each column is a blend of A's columns,
the whole is a sum of outer products. Each costs 2·m·k·n operations; they differ in what stays in cache.

Source: Golub and Van Loan, Matrix Computations, 4th ed. (2013), section 1.1.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def apply(A: Array, x: Array) -> Array:
    """Blend the columns of A [m, n] with the weights x [n]: A x = x₁ a₁ + … + xₙ aₙ.

    >>> apply(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]))
    array([12., 34.])
    """
    result = np.zeros(A.shape[0])
    for weight, column in zip(x, A.T, strict=True):
        result += weight * column
    return result


def by_dots(A: Array, B: Array) -> Array:
    """Fill in entry by entry: row i of A [m, k] with column j of B [k, n].

    >>> by_dots(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    return np.array([[sum(a * b for a, b in zip(row, column, strict=True)) for column in B.T] for row in A])


def by_columns(A: Array, B: Array) -> Array:
    """Send each column of B through A: column j of A B is A bⱼ."""
    return np.stack([apply(A, column) for column in B.T], axis=1)


def by_outer_products(A: Array, B: Array) -> Array:
    """Add up layers of rank one: A B = Σₖ (column k of A) (row k of B)."""
    result = np.zeros((A.shape[0], B.shape[1]))
    for column, row in zip(A.T, B, strict=True):
        result += column[:, None] * row[None, :]
    return result


def operations(*shapes: tuple[int, int]) -> int:
    """Count the operations of a chain multiplied from the left: 2·m·k·n for each product.

    The grouping changes nothing in the answer and everything in the cost: A (B x) against (A B) x.

    >>> operations((1000, 1000), (1000, 1000), (1000, 1))  # (A B) x
    2002000000
    >>> 2 * operations((1000, 1000), (1000, 1))  # A (B x)
    4000000
    """
    rows, inner = shapes[0]
    total = 0
    for _, columns in shapes[1:]:
        total += 2 * rows * inner * columns
        inner = columns
    return total
