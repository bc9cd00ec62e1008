"""The entropy of a continuous variable, from distances to nearest neighbours."""

import math
from typing import Any

import numpy as np

from fivefold.core import DataError, numpy_generator
from fivefold.probability.information.blocks import block_standard_error
from fivefold.probability.information.estimate import InformationEstimate
from fivefold.probability.information.neighbours import (
    continuous_rows,
    distance_to_neighbour,
    require_distinct,
)
from fivefold.probability.samples import Array


def continuous_entropy(X: Any, k: int = 3, seed: int = 0) -> InformationEstimate:
    r"""Estimate the differential entropy :math:`-\int p \log p` of a continuous variable.

    .. math:: \hat H = \psi(n) - \psi(k) + \log c_d + \frac dn \sum_i \log \rho_i

    with :math:`\rho_i` the Euclidean distance from row i to its k-th neighbour, and :math:`c_d` the volume of
    the unit ball. The rows are first made uncorrelated with unit variance, which moves the entropy by a known
    :math:`\log|\det|` and makes the balls fit. The standard error comes from disjoint parts of the sample.

    The bias is of order :math:`(k/n)^{2/d}`: with many columns it exceeds the standard error, and the
    certificate says so.

    Source: Kozachenko & Leonenko 1987, "Sample estimate of the entropy of a random vector", Problems Inform.
    Transmission 23; the form with k: Kraskov, Stoegbauer & Grassberger 2004, Phys. Rev. E 69, eq. 20.

    Args:
        X: ``[n]`` or ``[n, d]``, at least 50 rows without ties.
        k: Which neighbour, 1 to 11; more lower the variance and raise the bias.
        seed: Of the division into parts.

    Returns:
        The entropy in nats; it changes with the unit of X.

    Raises:
        DataError: Too few rows, ties, constant or linearly dependent columns, numbers that are not finite.
        ArgumentError: An impossible k.

    >>> X = np.random.default_rng(0).normal(size=2000)
    >>> low, high = continuous_entropy(X).interval()
    >>> low < 0.5 * math.log(2 * math.pi * math.e) < high
    True
    """
    rows = continuous_rows(X, "X", k)
    require_distinct(rows, "X")
    n = len(rows)
    white, log_volume = _whitened(rows)

    def estimate(index: Any) -> float:
        return _entropy(white[index], k)

    value = _entropy(white, k)
    error, degrees, drift = block_standard_error((n,), estimate, value, numpy_generator(seed, "entropy"))
    how = f"Kozachenko-Leonenko, k = {k}; standard error from disjoint parts"
    return InformationEstimate("entropy", value + log_volume, error, degrees, n, how, certificates=(drift,))


def _entropy(rows: Array, k: int) -> float:
    from scipy.special import digamma

    n, d = len(rows), int(rows.shape[1])
    ball = 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d + 1)
    mean = float(np.log(distance_to_neighbour(rows, k)).mean())
    return float(digamma(n) - digamma(k)) + ball + d * mean


def _whitened(rows: Array) -> tuple[Array, float]:
    centred = rows - rows.mean(0)
    sd = centred.std(0)
    scaled = centred / sd
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(rows))
    if values[0] <= 1e-12 * values[-1]:
        raise DataError(
            "columns of X that are linearly independent",
            f"a correlation matrix with eigenvalue {values[0]:.1g}",
            "drop a column: the joint density does not exist, and the entropy is minus infinity",
        )
    roots = np.sqrt(values)
    return scaled @ (vectors / roots), float(np.log(sd).sum() + np.log(roots).sum())
