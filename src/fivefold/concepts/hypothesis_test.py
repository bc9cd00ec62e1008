"""The hypothesis test: how often would chance alone give a difference as large as this one?

    p = 2 min( P(T ≥ t), P(T ≤ t) )  if there is no effect        T = (x̄ − ȳ) / √(s²ₓ/n + s²ᵧ/m)

If there is no effect, the labels "x" and "y" mean nothing: deal them out anew and see what T becomes. The
smaller tail counts twice, since a difference the other way would have been a finding too; p is at most 1.
p is no probability that there is no effect, and says nothing about how large the effect is.

Source: Fisher, The Design of Experiments (1935); Welch (1947), Biometrika 34; Holm (1979), Scand. J. Stat. 6.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def welch_statistic(x: Array, y: Array) -> float:
    """Return the difference of the means of x [n] and y [m] in units of its standard error.

    >>> round(welch_statistic(np.array([4.0, 6.0, 8.0]), np.array([1.0, 2.0, 3.0])), 6)
    3.098387
    """
    variance = np.var(x, ddof=1) / len(x) + np.var(y, ddof=1) / len(y)
    return float((np.mean(x) - np.mean(y)) / np.sqrt(variance))


def exact_p(x: Array, y: Array) -> float:
    """Deal the labels out in every way: twice the share whose difference is as large, or as small.

    >>> exact_p(np.array([4.0, 5.0]), np.array([1.0, 2.0]))  # twice 1 of the 6 ways
    0.3333333333333333
    """
    pooled, n = np.concatenate([x, y]), len(x)
    ways = np.array([pooled[list(chosen)].sum() for chosen in combinations(range(len(pooled)), n)])
    rounding = 1e-12 * float(np.abs(pooled).sum())  # ways that tie with what was seen count
    above, below = np.mean(ways >= x.sum() - rounding), np.mean(ways <= x.sum() + rounding)
    return float(min(1.0, 2.0 * min(above, below)))


def shuffled(x: Array, y: Array, rounds: int, generator: np.random.Generator) -> Array:
    """Return the difference of means after each of many random deals of the labels, [rounds]."""
    pooled, n = np.concatenate([x, y]), len(x)
    deals = generator.permuted(np.tile(pooled, (rounds, 1)), axis=1)
    return np.asarray(deals[:, :n].mean(axis=1) - deals[:, n:].mean(axis=1))


def p_value(seen: float, by_chance: Array) -> float:
    """Count by how many deals chance did as much; what was seen is one of the ways, so p is never zero.

    >>> p_value(2.0, np.array([0.5, -2.5, 1.0]))
    0.5
    """
    rounding = 1e-12 * abs(seen)
    above, below = np.sum(by_chance >= seen - rounding), np.sum(by_chance <= seen + rounding)
    return float(min(1.0, 2.0 * (1 + min(above, below)) / (1 + len(by_chance))))


def holm(p: Array) -> Array:
    """Correct p values [m] for their number: below 0.05, one false alarm in 20 *families* of tests.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order]))
    return adjusted
