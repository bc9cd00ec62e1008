"""The permutation test of two samples, with any statistic."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fivefold.core import DataError, numpy_generator, require
from fivefold.probability.hypothesis.assumptions import independent_rows, random_assignment
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative
from fivefold.probability.samples import Array, as_level, as_sample


def permutation_test(
    x: Any,
    y: Any,
    statistic: Callable[[Array, Array], float] | None = None,
    *,
    paired: bool = False,
    alternative: str = "two-sided",
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> HypothesisTest:
    r"""Test whether two samples are exchangeable, by relabelling their values.

    .. math:: p = \frac{1 + \#\{b : T_b \ge T\}}{1 + B}

    With random relabellings this p value keeps its level exactly; where there are at most B relabellings, all
    are taken. For pairs the two values of a pair change places. The effect is the statistic itself, with the
    bootstrap interval (BCa), which for fewer than some 20 values is too narrow.

    Source: Fisher 1935, "The Design of Experiments"; Phipson & Smyth 2010, "Permutation p-values should never
    be zero"; Efron 1987, "Better bootstrap confidence intervals", JASA 82.

    Args:
        x: ``[n]``, at least 2.
        y: ``[m]``, at least 2.
        statistic: Maps both samples to a number that is 0 where there is no effect; the difference of means
            by default.
        paired: Whether ``x[i]`` and ``y[i]`` are of one case.
        alternative: ``"greater"``: a statistic above what relabelling gives.
        level: Of the effect's interval.
        resamples: B, and the number of bootstrap samples.
        seed: Of both.

    Raises:
        DataError: Unusable samples, one value throughout both, pairs of different lengths, or a statistic
            that is not finite.
        ArgumentError: No such alternative or level, or fewer than 99 resamples.

    >>> permutation_test([4.1, 5.2, 6.3, 5.9], [1.0, 2.2, 0.4, 1.3]).p_value  # 2 of 70 relabellings
    0.0285...
    """
    from scipy import stats

    scipy_stats: Any = stats  # its stubs, where installed, know no statistic of two samples

    a, b = as_sample(x, "x"), as_sample(y, "y")
    as_sample(np.concatenate([a, b]), "x and y together", varied=True)
    if paired and len(a) != len(b):
        raise DataError("pairs: x and y of one length", f"{len(a)} and {len(b)}")
    way = as_alternative(alternative)
    require(isinstance(resamples, int) and resamples >= 99, "at least 99 resamples", resamples)
    T = statistic or _difference
    value = float(T(a, b))
    if not np.isfinite(value):
        raise DataError("a statistic that is finite", f"{value}")
    kind = "samples" if paired else "independent"
    found = scipy_stats.permutation_test(
        (a, b),
        T,
        permutation_type=kind,
        alternative=way,
        n_resamples=resamples,
        vectorized=False,
        rng=numpy_generator(seed, "permutation"),
    )
    with np.errstate(all="ignore"):
        low, high = value, value
        if a.min() < a.max() or b.min() < b.max():
            interval = scipy_stats.bootstrap(
                (a, b),
                T,
                paired=paired,
                confidence_level=as_level(level),
                n_resamples=min(resamples, 1999),
                vectorized=False,
                method="BCa",
                rng=numpy_generator(seed, "bootstrap"),
            ).confidence_interval
            low, high = float(interval.low), float(interval.high)
    name = "difference of means" if statistic is None else "statistic"
    return HypothesisTest(
        "permutation test",
        "the samples are exchangeable",
        way,
        value,
        float(found.pvalue),
        Effect(name, value, low, high, level, "bootstrap, BCa"),
        (len(a), len(b)),
        (random_assignment(), independent_rows()),
    )


def _difference(x: Array, y: Array) -> float:
    return float(x.mean() - y.mean())
