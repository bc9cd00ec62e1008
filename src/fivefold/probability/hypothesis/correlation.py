"""Tests of correlation: Pearson's, Spearman's and Kendall's."""

import math
from typing import Any, Literal, get_args

import numpy as np

from fivefold.core import Certificate, DataError, require
from fivefold.probability.hypothesis.assumptions import independent_rows, no_ties, normal
from fivefold.probability.hypothesis.outcome import Effect, HypothesisTest, as_alternative, two_sided_quantile
from fivefold.probability.samples import Array, as_level, as_sample

Method = Literal["pearson", "spearman", "kendall"]


def correlation_test(
    x: Any,
    y: Any,
    method: Method = "pearson",
    alternative: str = "two-sided",
    level: float = 0.95,
) -> HypothesisTest:
    r"""Test whether two variables are uncorrelated.

    .. math:: \operatorname{artanh} r \pm z \sqrt{v}, \qquad
              v = \frac{1}{n - 3}, \quad \frac{1 + r^2/2}{n - 3}, \quad \frac{0.437}{n - 4}

    for Pearson's r, Spearman's rho and Kendall's tau-b: the interval of the coefficient, which is the effect.

    Source: Fisher 1921, Metron 1; Bonett & Wright 2000, "Sample size requirements for estimating Pearson,
    Kendall and Spearman correlations", Psychometrika 65.

    Args:
        x: ``[n]``, at least 5, not constant.
        y: ``[n]``.
        method: ``"pearson"`` for a linear relation of normal variables, ``"spearman"`` or ``"kendall"`` for
            any monotone one.
        alternative: ``"greater"``: a positive correlation.
        level: Of the effect's interval.

    Raises:
        DataError: Unusable samples, or different lengths.
        ArgumentError: No such method, alternative or level.

    >>> correlation_test([1, 2, 3, 4, 5], [1, 3, 2, 4, 5]).effect.value
    0.8...
    """
    from scipy import stats

    require(method in get_args(Method), f"a method among {', '.join(get_args(Method))}", repr(method))
    a, b = as_sample(x, "x", least=5, varied=True), as_sample(y, "y", least=5, varied=True)
    if len(a) != len(b):
        raise DataError("x and y of one length", f"{len(a)} and {len(b)}")
    n, way = len(a), as_alternative(alternative)
    if method == "pearson":
        a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    tests: dict[str, Any] = {
        "pearson": stats.pearsonr,
        "spearman": stats.spearmanr,
        "kendall": stats.kendalltau,
    }
    found = tests[method](a, b, alternative=way)
    r = float(np.clip(found.statistic, -1, 1))
    variance = {
        "pearson": 1 / (n - 3),
        "spearman": (1 + r * r / 2) / (n - 3),
        "kendall": 0.437 / (n - 4),
    }[method]
    half = two_sided_quantile(as_level(level)) * math.sqrt(variance)
    centre = math.atanh(r) if abs(r) < 1 else math.copysign(math.inf, r)
    name = {"pearson": "Pearson r", "spearman": "Spearman rho", "kendall": "Kendall tau"}[method]
    how = "Fisher z" if method == "pearson" else "Bonett and Wright 2000"
    return HypothesisTest(
        f"{name} test",
        "the correlation is 0",
        way,
        r,
        float(found.pvalue),
        Effect(name, r, math.tanh(centre - half), math.tanh(centre + half), level, how),
        (n,),
        _assumptions(a, b, method),
        float(n - 2) if method == "pearson" else None,
    )


def _assumptions(a: Array, b: Array, method: str) -> tuple[Certificate, ...]:
    if method == "pearson":
        return normal(a, "The values of x"), normal(b, "The values of y"), independent_rows()
    return no_ties(a, "The values of x"), no_ties(b, "The values of y"), independent_rows()
