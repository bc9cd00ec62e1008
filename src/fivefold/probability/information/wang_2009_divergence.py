"""The Kullback-Leibler divergence of two continuous samples, from nearest neighbours."""

import math
from typing import Any

import numpy as np

from fivefold.core import numpy_generator, require
from fivefold.probability.information.blocks import block_standard_error
from fivefold.probability.information.estimate import InformationEstimate
from fivefold.probability.information.neighbours import (
    continuous_rows,
    distance_to_neighbour,
    require_distinct,
)
from fivefold.probability.samples import Array


def continuous_divergence(X: Any, Y: Any, k: int = 3, seed: int = 0) -> InformationEstimate:
    r"""Estimate :math:`D(p \| q) = \int p \log(p/q)` from a sample of p and one of q.

    .. math:: \hat D = \frac dn \sum_{i=1}^n \log \frac{\nu_i}{\rho_i} + \log \frac{m}{n - 1}

    with :math:`\rho_i` the distance from row i of X to its k-th neighbour in X, and :math:`\nu_i` that to its
    k-th neighbour in Y. The standard error comes from disjoint parts of both samples.

    Where q has light tails beside p the estimate is biased low, for lack of neighbours there; the
    certificate compares with half the samples.

    Source: Wang, Kulkarni & Verdu 2009, "Divergence estimation for multidimensional densities via
    k-nearest-neighbor distances", IEEE Trans. Inform. Theory 55.

    Args:
        X: Of p, ``[n]`` or ``[n, d]``, at least 50 rows without ties.
        Y: Of q, ``[m]`` or ``[m, d]``, at least 50 rows without ties.
        k: Which neighbour, 1 to 11.
        seed: Of the division into parts.

    Raises:
        DataError: Too few rows, ties, constant columns, numbers that are not finite.
        ArgumentError: Different numbers of columns, or an impossible k.

    >>> x, y = np.random.default_rng(0).normal(size=(2, 2000))
    >>> low, high = continuous_divergence(x, y + 1).interval()
    >>> low < 0.5 < high
    True
    """
    x, y = continuous_rows(X, "X", k), continuous_rows(Y, "Y", k)
    require(x.shape[1] == y.shape[1], f"Y with the {x.shape[1]} columns of X", y.shape[1])
    require_distinct(np.vstack([x, y]), "X and Y together")
    # One scale for both, which leaves the divergence.
    sd = np.vstack([x - x.mean(0), y - y.mean(0)]).std(0)
    x, y = (x - x.mean(0)) / sd, (y - x.mean(0)) / sd
    n, m = len(x), len(y)

    def estimate(first: Any, second: Any) -> float:
        return _divergence(x[first], y[second], k)

    value = _divergence(x, y, k)
    error, degrees, drift = block_standard_error((n, m), estimate, value, numpy_generator(seed, "divergence"))
    how = f"Wang-Kulkarni-Verdu, k = {k}; standard error from disjoint parts"
    return InformationEstimate("divergence", value, error, degrees, n + m, how, 0.0, (drift,))


def _divergence(x: Array, y: Array, k: int) -> float:
    n, d = x.shape
    ratio = np.log(distance_to_neighbour(x, k, others=y) / distance_to_neighbour(x, k))
    return int(d) * float(ratio.mean()) + math.log(len(y) / (n - 1))
