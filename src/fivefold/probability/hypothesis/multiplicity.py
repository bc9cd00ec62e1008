"""Correction for many tests."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fivefold.core import Certificate, DataError, Kind, require
from fivefold.probability.samples import Array, as_sample

ManyTests = Literal["holm", "benjamini-hochberg", "benjamini-yekutieli"]


@dataclass(frozen=True, eq=False, slots=True)
class CorrectedTests:
    """P values corrected for their number.

    Args:
        adjusted: ``[m]``, in the order given: what to compare with any level.
        rejected: Whether each is at most the level.
        method: Of the correction.
        level: Of the bound.
        certificate: What is bounded, and under which assumptions.
    """

    adjusted: Array
    rejected: NDArray[np.bool_]
    method: str
    level: float
    certificate: Certificate


def correct_p_values(p_values: Any, method: ManyTests = "holm", level: float = 0.05) -> CorrectedTests:
    r"""Correct p values for having tested many hypotheses.

    With :math:`p_{(1)} \le \dots \le p_{(m)}` and :math:`h_m = \sum_{i \le m} 1/i`:

    .. math:: \text{Holm: } \max_{j \le i} (m - j + 1)\, p_{(j)}, \qquad
              \text{Benjamini-Hochberg: } \min_{j \ge i} \frac mj\, p_{(j)}, \qquad
              \text{Benjamini-Yekutieli: } \min_{j \ge i} \frac{m h_m}{j}\, p_{(j)}

    each at most 1. Holm bounds the probability of *any* false rejection, under any dependence. The other two
    bound the expected share of false ones among the rejected: Benjamini-Hochberg for independent or
    positively dependent tests, Benjamini-Yekutieli for all.

    Source: Holm 1979, Scand. J. Statist. 6; Benjamini & Hochberg 1995, JRSS B 57; Benjamini & Yekutieli 2001,
    Annals of Statistics 29.

    Args:
        p_values: ``[m]``, between 0 and 1.
        method: ``"holm"``, ``"benjamini-hochberg"`` or ``"benjamini-yekutieli"``.
        level: Of the bound, between 0 and 1.

    Raises:
        DataError: Numbers that are no probabilities.
        ArgumentError: No such method or level.

    >>> correct_p_values([0.01, 0.04, 0.03]).adjusted
    array([0.03, 0.06, 0.06])
    """
    require(method in get_args(ManyTests), f"a method among {', '.join(get_args(ManyTests))}", repr(method))
    require(0 < level < 1, "a level between 0 and 1", level)
    p = as_sample(p_values, "the p values", least=1)
    if (p < 0).any() or (p > 1).any():
        raise DataError("p values between 0 and 1", f"{p.min():g} to {p.max():g}")
    m = len(p)
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, m + 1)
    if method == "holm":
        ordered = np.maximum.accumulate((m - rank + 1) * p[order])
    else:
        factor = float((1 / rank).sum()) if method == "benjamini-yekutieli" else 1.0
        ordered = np.minimum.accumulate((m * factor / rank * p[order])[::-1])[::-1]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(ordered, 1)
    positive = ("independent or positively dependent tests",) if method == "benjamini-hochberg" else ()
    bounded = (
        "the probability of a false rejection" if method == "holm" else "the expected share of false ones"
    )
    certificate = Certificate(
        f"Among the rejected, {bounded} is at most {level:g}",
        Kind.STATISTICAL,
        None if positive else True,
        bound=level,
        assumptions=("valid p values", *positive),
        method=method,
    )
    return CorrectedTests(adjusted, adjusted <= level, method, level, certificate)
