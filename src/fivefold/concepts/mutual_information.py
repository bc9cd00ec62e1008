"""Mutual information: how many nats one variable tells about another, whatever the shape of the dependence.

    I(X; Y) = Σ p(x, y) log ( p(x, y) / (p(x) p(y)) )        an integral where X and Y are continuous

It is zero exactly where X and Y are independent. Correlation r sees straight lines alone: for jointly normal
variables I = −½ log(1 − r²), for others r = 0 says nothing. One nat is 1.44 bits.

Source: Shannon (1948), Bell Syst. Tech. J. 27; Miller (1955); Kraskov et al. (2004), Phys. Rev. E 69, 066138.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def from_counts(counts: Array) -> float:
    """Put shares for probabilities in a table [rows, columns] of counts. Chance makes this too large.

    >>> from_counts(np.array([[5, 0], [0, 5]]))  # a copy of a fair coin: one bit, log 2
    0.6931471805599453
    """
    p = counts / counts.sum()
    independent = np.outer(p.sum(axis=1), p.sum(axis=0))
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / independent[seen])))


def bias(counts: Array) -> float:
    """Return what chance adds on average under independence: (rows − 1)(columns − 1) / 2n, all cells seen.

    >>> bias(np.array([[20, 30], [30, 20]]))
    0.005
    """
    return float((counts.shape[0] - 1) * (counts.shape[1] - 1) / (2.0 * counts.sum()))


def from_correlation(x: Array, y: Array) -> float:
    """Return −½ log(1 − r²), what x and y [n] would share if they were jointly normal."""
    return float(-0.5 * np.log(1.0 - np.corrcoef(x, y)[0, 1] ** 2))


def digamma(n: NDArray[np.int64]) -> Array:
    """Return ψ(n) of whole numbers n ≥ 1: −0.5772… + 1 + 1/2 + … + 1/(n − 1), about log(n − ½).

    >>> digamma(np.array([1, 2, 3])).round(4)
    array([-0.5772,  0.4228,  0.9228])
    """
    sums = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, n.max() + 1))])
    return np.asarray(sums[n - 1] - np.euler_gamma)


def from_neighbours(x: Array, y: Array, k: int = 3) -> float:
    """Estimate I from samples x, y [n] of continuous variables (no ties), by Kraskov's first estimator.

    Around each point draw the square that reaches its k-th neighbour. The more points share its columns (nₓ)
    and rows (nᵧ), the less x told about y: I = ψ(k) + ψ(n) − mean( ψ(nₓ + 1) + ψ(nᵧ + 1) ).
    """
    x, y = x / x.std(), y / y.std()
    dx, dy = np.abs(x[:, None] - x), np.abs(y[:, None] - y)  # [n, n]
    apart = np.maximum(dx, dy)
    np.fill_diagonal(apart, np.inf)
    radius = np.sort(apart, axis=1)[:, k - 1 : k]
    if not radius.all():
        raise ValueError("expected points without ties; add noise of the size of the rounding")
    in_column = np.sum(dx < radius, axis=1)  # each counts itself: nₓ + 1
    in_row = np.sum(dy < radius, axis=1)
    top = digamma(np.array(k)) + digamma(np.array(len(x)))
    return float(top - np.mean(digamma(in_column) + digamma(in_row)))
