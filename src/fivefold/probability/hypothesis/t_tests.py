"""Student's t tests: one sample, two samples, Welch's and pairs."""

import math
from collections.abc import Callable
from typing import Any

from fivefold.core import DataError, require
from fivefold.probability.hypothesis.assumptions import equal_spread, independent_rows, normal
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative, two_sided_quantile
from fivefold.probability.samples import Array, as_level, as_sample


def one_sample_t_test(
    x: Any, mean: float = 0.0, alternative: str = "two-sided", level: float = 0.95
) -> HypothesisTest:
    r"""Test whether the mean of a normal variable is a given number.

    .. math:: t = \frac{\bar x - \mu_0}{s / \sqrt n}, \qquad g = J(n - 1) \frac{\bar x - \mu_0}{s}

    Source: Student 1908, "The probable error of a mean", Biometrika 6; interval of g from the noncentral t:
    Hedges & Olkin 1985, "Statistical Methods for Meta-Analysis", chapter 5.

    Args:
        x: ``[n]``, at least 2, not constant.
        mean: The mean under the hypothesis.
        alternative: ``"two-sided"``, ``"less"`` or ``"greater"`` than it.
        level: Of the effect's interval.

    Raises:
        DataError: An unusable sample.
        ArgumentError: No such alternative or level.

    >>> extra_sleep = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    >>> one_sample_t_test(extra_sleep).statistic
    1.325...
    """
    values = as_sample(x, "x", varied=True)
    require(math.isfinite(mean), "a finite mean", mean)
    n = len(values)
    root = math.sqrt(n)
    t = float((values - mean).mean() / values.std(ddof=1)) * root
    effect = _noncentral_effect(t, n - 1, 1 / root, as_level(level))
    return HypothesisTest(
        "one-sample t test",
        f"the mean is {mean:g}",
        as_alternative(alternative),
        t,
        _p_value(t, n - 1, alternative),
        effect,
        (n,),
        (normal(values, "The values"), independent_rows()),
        float(n - 1),
    )


def paired_t_test(x: Any, y: Any, alternative: str = "two-sided", level: float = 0.95) -> HypothesisTest:
    r"""Test whether the mean difference of pairs is 0: the one-sample test of :math:`x_i - y_i`.

    The effect is Hedges' g of the differences, in units of *their* standard deviation.

    Source: Student 1908; Hedges & Olkin 1985.

    Args:
        x: ``[n]``.
        y: ``[n]``, in the same order.
        alternative: ``"greater"``: x tends to be larger.
        level: Of the effect's interval.

    Raises:
        DataError: Samples of different lengths, or differences that are all the same.
        ArgumentError: No such alternative or level.

    >>> paired_t_test([1.1, 2.3, 3.2, 4.8], [1.0, 2.0, 3.0, 4.0]).degrees
    3.0
    """
    a, b = as_sample(x, "x"), as_sample(y, "y")
    if len(a) != len(b):
        raise DataError("pairs: x and y of one length", f"{len(a)} and {len(b)}")
    difference = as_sample(a - b, "the differences", varied=True)
    alone = one_sample_t_test(difference, 0.0, alternative, level)
    return HypothesisTest(
        "paired t test",
        "the mean difference is 0",
        alone.alternative,
        alone.statistic,
        alone.p_value,
        alone.effect,
        (len(a),),
        (normal(difference, "The differences"), independent_rows()),
        alone.degrees,
    )


def t_test(x: Any, y: Any, alternative: str = "two-sided", level: float = 0.95) -> HypothesisTest:
    r"""Test whether two normal variables of one variance have one mean.

    .. math:: t = \frac{\bar x - \bar y}{s_p \sqrt{1/n + 1/m}}, \qquad
              g = J(n + m - 2)\frac{\bar x - \bar y}{s_p}

    Where the variances may differ, :func:`welch_test` is the better default.

    Source: Student 1908; Hedges & Olkin 1985, chapter 5.

    Args:
        x: ``[n]``, at least 2.
        y: ``[m]``, at least 2.
        alternative: ``"greater"``: the mean of x is larger.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, or no variation in either.
        ArgumentError: No such alternative or level.

    >>> round(t_test([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]).statistic, 4)
    -1.2247
    """
    a, b = _two(x, y)
    n, m = len(a), len(b)
    degrees = n + m - 2
    pooled = math.sqrt(((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / degrees)
    root = math.sqrt(1 / n + 1 / m)
    t = float(a.mean() - b.mean()) / (pooled * root)
    return HypothesisTest(
        "two-sample t test",
        "the two means are equal",
        as_alternative(alternative),
        t,
        _p_value(t, degrees, alternative),
        _noncentral_effect(t, degrees, root, as_level(level)),
        (n, m),
        (normal(a, "The values of x"), normal(b, "The values of y"), equal_spread(a, b), independent_rows()),
        float(degrees),
    )


def welch_test(x: Any, y: Any, alternative: str = "two-sided", level: float = 0.95) -> HypothesisTest:
    r"""Test whether two normal variables have one mean, whatever their variances.

    .. math:: t = \frac{\bar x - \bar y}{\sqrt{u + v}}, \quad u = \frac{s_x^2}{n}, \; v = \frac{s_y^2}{m},
              \nu = \frac{(u + v)^2}{u^2 / (n - 1) + v^2 / (m - 1)}

    The effect is the difference in units of :math:`\sqrt{(s_x^2 + s_y^2)/2}`, with Bonett's interval.

    Source: Welch 1947, Biometrika 34; Bonett 2008, "Confidence intervals for standardized linear contrasts of
    means", Psychological Methods 13.

    Args:
        x: ``[n]``, at least 2.
        y: ``[m]``, at least 2.
        alternative: ``"greater"``: the mean of x is larger.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, or no variation in either.
        ArgumentError: No such alternative or level.

    >>> round(welch_test([1.0, 2.0, 3.0], [2.0, 4.0, 9.0]).degrees, 3)
    2.306
    """
    a, b = _two(x, y)
    n, m = len(a), len(b)
    va, vb = float(a.var(ddof=1)), float(b.var(ddof=1))
    u, v = va / n, vb / m
    gap = float(a.mean() - b.mean())
    t = gap / math.sqrt(u + v)
    degrees = (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
    spread = math.sqrt((va + vb) / 2)
    d = gap / spread
    # Bonett's variance of d: that of the two standard deviations, then that of the two means.
    variance = d**2 * (va**2 / (n - 1) + vb**2 / (m - 1)) / (8 * spread**4)
    variance += (va / (n - 1) + vb / (m - 1)) / spread**2
    J = _small_sample_factor(degrees)
    half = two_sided_quantile(as_level(level)) * math.sqrt(variance)
    effect = Effect("Hedges g", J * d, d - half, d + half, level, "Bonett 2008")
    return HypothesisTest(
        "Welch test",
        "the two means are equal",
        as_alternative(alternative),
        t,
        _p_value(t, degrees, alternative),
        effect,
        (n, m),
        (normal(a, "The values of x"), normal(b, "The values of y"), independent_rows()),
        degrees,
    )


def _two(x: Any, y: Any) -> tuple[Array, Array]:
    a, b = as_sample(x, "x"), as_sample(y, "y")
    if a.min() == a.max() and b.min() == b.max():
        raise DataError("some variation within x or y", "two constant samples")
    return a, b


def _p_value(t: float, degrees: float, alternative: str) -> float:
    from scipy.stats import t as student

    if as_alternative(alternative) == "two-sided":
        return float(2 * student.sf(abs(t), degrees))
    return float(student.sf(t, degrees) if alternative == "greater" else student.cdf(t, degrees))


def _small_sample_factor(degrees: float) -> float:
    r"""Hedges' :math:`J(\nu) = \Gamma(\nu/2) / (\sqrt{\nu/2}\, \Gamma((\nu - 1)/2))`; 0 at 1 degree."""
    if degrees <= 1:
        return 0.0
    logs = math.lgamma(degrees / 2) - math.lgamma((degrees - 1) / 2) - 0.5 * math.log(degrees / 2)
    return math.exp(logs)


def _noncentral_effect(t: float, degrees: float, root: float, level: float) -> Effect:
    """Hedges' g; t has a noncentral t distribution around the effect divided by ``root``."""
    from scipy.stats import nct

    tail = (1 - level) / 2
    low = _crossing(lambda shift: float(nct.sf(t, degrees, shift)) - tail, t)
    high = _crossing(lambda shift: tail - float(nct.cdf(t, degrees, shift)), t)
    g = _small_sample_factor(degrees) * t * root
    return Effect("Hedges g", g, low * root, high * root, level, "noncentral t")


def _crossing(rising: Callable[[float], float], centre: float) -> float:
    """Return where a function that rises with the noncentrality crosses 0."""
    from scipy.optimize import brentq

    step = 2.0 + 0.1 * abs(centre)
    low = high = centre
    while rising(low) > 0:
        low, step = low - step, 2 * step
    step = 2.0 + 0.1 * abs(centre)
    while rising(high) < 0:
        high, step = high + step, 2 * step
    return float(brentq(rising, low, high, xtol=1e-10)) if low < high else centre
