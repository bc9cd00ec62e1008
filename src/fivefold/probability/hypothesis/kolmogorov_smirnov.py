"""Kolmogorov and Smirnov's tests of whole distributions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fivefold.core import DataError
from fivefold.probability.hypothesis.assumptions import independent_rows, no_ties
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative
from fivefold.probability.samples import Array, as_level, as_sample


def kolmogorov_smirnov_test(
    x: Any,
    other: Any,
    alternative: str = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    r"""Test whether a sample has a given distribution, or two samples have one.

    .. math:: D = \sup_t |\hat F(t) - G(t)|

    The effect is the largest difference of the two distribution functions. Its interval, D plus or minus
    :math:`\sqrt{\log(2/\alpha) / 2n}` (with :math:`\alpha/2` for each of two samples), is a proven bound and
    wide. The distribution must be given in full: with parameters estimated from x the p value is too large.

    Source: Kolmogorov 1933; Smirnov 1948, Annals Math. Statist. 19; Massart 1990, "The tight constant in the
    Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18.

    Args:
        x: ``[n]``.
        other: A second sample ``[m]``, or a distribution function from an array to probabilities.
        alternative: ``"greater"``: x has the larger distribution function, so tends to be smaller.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, or a function whose values are no probabilities.
        ArgumentError: No such alternative or level.

    >>> result = kolmogorov_smirnov_test([0.1, 0.4, 0.7], lambda t: t)
    >>> round(result.statistic, 4)
    0.3
    """
    from scipy import stats

    kstest: Any = stats.kstest
    ks_2samp: Any = stats.ks_2samp

    a = as_sample(x, "x", least=1)
    way, alpha = as_alternative(alternative), 1 - as_level(level)
    if callable(other):
        found = kstest(a, _checked(other, a), alternative=way)
        sizes: tuple[int, ...] = (len(a),)
        largest = float(kstest(a, _checked(other, a)).statistic)
        half = math.sqrt(math.log(2 / alpha) / (2 * len(a)))
        everything, null = a, "x has the given distribution"
    else:
        b = as_sample(other, "the second sample", least=1)
        # The exact method counts paths; SciPy leaves it for the asymptotic one beyond this size.
        method = "exact" if max(len(a), len(b)) <= 1000 else "asymp"
        found = ks_2samp(a, b, alternative=way, method=method)
        sizes = (len(a), len(b))
        largest = float(ks_2samp(a, b, method=method).statistic)
        half = sum(math.sqrt(math.log(4 / alpha) / (2 * n)) for n in sizes)
        everything, null = np.concatenate([a, b]), "the two distributions are equal"
    low, high = max(largest - half, 0.0), min(largest + half, 1.0)
    effect = Effect("largest difference D", largest, low, high, level, "Dvoretzky-Kiefer-Wolfowitz-Massart")
    return HypothesisTest(
        "Kolmogorov-Smirnov test",
        null,
        way,
        float(found.statistic),
        float(found.pvalue),
        effect,
        sizes,
        (no_ties(everything, "The values"), independent_rows()),
    )


def _checked(cdf: Callable[[Array], Any], x: Array) -> Callable[[Array], Any]:
    values = np.asarray(cdf(np.sort(x)), dtype=np.float64)
    fits = values.shape == x.shape and bool(((values >= 0) & (values <= 1)).all())
    if not fits or (np.diff(values) < 0).any():
        raise DataError(
            "a distribution function: probabilities that do not fall, one per value",
            f"shape {values.shape}, from {values.min():g} to {values.max():g}" if values.size else "nothing",
        )
    return cdf
