"""Leakage: what the test rows told the training, the test then gives back as accuracy.

    Q = k/2p,  t = Φ⁻¹(1 − Q)        m = E[Z² | |Z| > t] = 1 + t φ(t)/Q
    accuracy on pure noise ≈ Φ( √((1 − h) k) (m − 1) / √(n ((1 − h) m + h)) )

Choose the best k of p columns on all n rows, and only then split into folds that hold out a share h: columns
of noise get the accuracy above. Choose anew inside each fold, and it is one half, as it must be.

Source: Ambroise and McLachlan (2002); Hastie, Tibshirani and Friedman (2009), section 7.10.2. The formula is
ours: for a held-out row i, E[yᵢ xᵢⱼ wⱼ | zⱼ] = (1 − h)(zⱼ² − 1), the weight w from the others, z from all.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


def chosen(X: Array, y: Array, k: int) -> Rows:
    """Return the k columns of X [n, p] whose means differ most between y = 1 and y = −1, by Welch's t.

    >>> X = np.array([[0.0, 1.0, 3.0], [1.0, 1.1, 3.2], [0.0, 5.0, 4.1], [1.0, 5.1, 4.2]])
    >>> chosen(X, np.array([1.0, 1.0, -1.0, -1.0]), k=2)
    array([1, 2])
    """
    a, b = X[y > 0], X[y < 0]
    error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
    return np.sort(np.argsort(-np.abs(a.mean(axis=0) - b.mean(axis=0)) / error)[:k])


def nearest_mean(X: Array, y: Array, new: Array) -> Array:
    """Return for each new row the class, 1 or −1, whose mean is nearer.

    >>> nearest_mean(np.array([[0.0], [4.0]]), np.array([1.0, -1.0]), np.array([[1.5], [2.5]]))
    array([ 1., -1.])
    """
    a, b = X[y > 0].mean(axis=0), X[y < 0].mean(axis=0)
    return np.where((new - 0.5 * (a + b)) @ (a - b) > 0.0, 1.0, -1.0)


def cross_validated(X: Array, y: Array, k: int, folds: Rows, leak: bool) -> float:
    """Return the accuracy on held-out rows; ``leak`` chooses the columns before the split, not inside it.

    Args: X [n, p], y [n] of 1 and −1, k columns to choose, the fold of each row [n], whether to leak.
    """
    before, right = chosen(X, y, k), 0
    for fold in np.unique(folds):
        learn, hold = folds != fold, folds == fold
        use = before if leak else chosen(X[learn], y[learn], k)
        right += int(np.sum(nearest_mean(X[learn][:, use], y[learn], X[hold][:, use]) == y[hold]))
    return right / len(y)


def leaked_accuracy(rows: int, columns: int, k: int, held: float) -> float:
    """Return the accuracy on noise to expect where k of so many columns were chosen before the split.

    >>> leaked_accuracy(50, 20, 20, 0.1), round(leaked_accuracy(50, 5000, 20, 0.1), 3)
    (0.5, 0.964)
    """
    Z, tail = NormalDist(), k / (2.0 * columns)
    t = Z.inv_cdf(1.0 - tail)
    m, train = 1.0 + t * Z.pdf(t) / tail, 1.0 - held
    return Z.cdf(float(np.sqrt(train * k / rows) * (m - 1.0) / np.sqrt(train * m + held)))
