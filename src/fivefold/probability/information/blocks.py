"""The standard error of an estimator, from disjoint parts of its sample."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fivefold.core import Certificate, Kind

PARTS = 8
REPEATS = 6
LEAST = 25
"""Fewest rows in a part: below, nearest-neighbour estimates of a part differ in kind from the whole's."""


def block_standard_error(
    rows: tuple[int, ...],
    estimate: Callable[..., float],
    value: float,
    generator: np.random.Generator,
) -> tuple[float, float, Certificate]:
    r"""Estimate the standard error of an estimate from disjoint random parts of its sample.

    .. math:: \mathrm{se}^2 = \frac1B \cdot \frac1{B - 1} \sum_b (\hat I_b - \bar I)^2

    B parts of n/B rows: their variance is B times the whole's, because it falls as 1/n. Disjoint parts share
    no neighbours; the bootstrap would duplicate points, which a nearest-neighbour distance takes for a
    singular density. The variance is averaged over several random divisions, and counted with the B - 1
    degrees of freedom of one: the divisions are not independent.

    The halves' mean less the whole is a sign of bias, which grows as the sample shrinks.

    Source: Holmes & Nemenman 2019, "Estimation of mutual information for real-valued data with error bars and
    controlled bias", Phys. Rev. E 100, 022404.

    Args:
        rows: n of each independent sample, at least 2 LEAST.
        estimate: Maps row numbers of each sample to the estimate from them.
        value: The estimate from all rows.
        generator: Divides the rows.

    Returns:
        Standard error, degrees of freedom, and a certificate about the bias.
    """
    B = min(PARTS, min(rows) // LEAST)
    variances: list[float] = []
    halves: list[float] = []
    for _ in range(REPEATS):
        orders = [generator.permutation(n) for n in rows]

        def divided(count: int, orders: list[NDArray[np.int64]] = orders) -> list[float]:
            parts = [np.array_split(order, count) for order in orders]
            return [estimate(*part) for part in zip(*parts, strict=True)]

        variances.append(float(np.var(divided(B), ddof=1)) / B)
        halves.extend(divided(2))
    error = math.sqrt(float(np.mean(variances)))
    drift = abs(float(np.mean(halves)) - value)
    # The drift is itself uncertain by about the standard error / sqrt(repeats).
    certificate = Certificate(
        "Halving the sample moves the estimate by less than its standard error: the bias is not larger",
        Kind.INDICATOR,
        drift <= error,
        bound=error,
        value=drift,
        assumptions=("independent rows", "the bias falls as the sample grows"),
        method=f"mean over {2 * REPEATS} random halves, less the estimate from all {sum(rows)} rows",
    )
    return error, float(B - 1), certificate
