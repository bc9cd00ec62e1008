r"""Prediction sets of classes that cover as they claim, and the quantile of held-out scores behind them.

For classes the score is one minus the probability of the class; the set holds every class whose
score is at most its :math:`1-\alpha` quantile. For ordered classes the probability is first made to fall away
from the most probable class on both sides, :math:`\tilde p_k = \min` of p between the two: the set is then a
range of levels, and is the same as without wherever the probabilities have one peak (for such ranges see Lu,
Angelopoulos and Pomerantz, Improving trustworthiness of AI disease severity rating with ordinal conformal
prediction sets, MICCAI 2022).

This is split conformal prediction (Lei et al., JASA 113, 2018). Scores of rows that had no part in the fit,
and are exchangeable with the new rows, cover these with probability at least :math:`1 - \alpha`. Here that
holds nearly, not as a theorem: the rows that give the scores also chose among methods or set the temperature,
and for tables each comes from a fit to the other folds, not from the final one. So what is certified is
the coverage measured on test rows, which had no part in either.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError, require

Floats = npt.NDArray[np.float64]
_KEPT = 4000
"""Quantiles of the scores that an artifact keeps."""


def conformal_quantile(scores: Floats, level: float) -> float:
    r"""Return the :math:`\lceil (n+1)\,\text{level} \rceil`-th smallest score, infinite where n is too small.

    Args:
        scores: ``[n]`` scores of held-out rows.
        level: In (0, 1).

    >>> conformal_quantile(np.arange(1.0, 10.0), 0.9)
    9.0
    >>> conformal_quantile(np.arange(1.0, 9.0), 0.9)
    inf
    """
    require(0 < level < 1, "a level between 0 and 1", level, "for example 0.9")
    rank = max(int(np.ceil((len(scores) + 1) * level - 1e-9)), 1)
    if rank > len(scores):
        return float("inf")
    return float(np.partition(scores, rank - 1)[rank - 1])


def thin(scores: Floats, weights: Floats | None = None) -> Floats:
    r"""Return the sorted scores, or where they are many :data:`_KEPT` of them at even ranks, extremes kept.

    With weights the scores at the shares :math:`(j - 1/2) / m` of the total weight, :math:`j = 1 \dots m`,
    where :math:`m = (\sum w)^2 / \sum w^2` is how many rows of equal weight tell as much (Kish, Survey
    Sampling, 1965): quantiles are then those of the weighted rows, with the correction for :math:`m` scores.

    Args:
        scores: ``[n]``.
        weights: ``[n]`` positive weights; equal ones change nothing.

    >>> thin(np.array([3.0, 1.0, 2.0]), np.array([2.0, 1.0, 1.0])).tolist()
    [1.0, 3.0]
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    if weights is not None and np.ptp(weights) > 0:
        share = weights[order] / weights.sum()
        count = max(1, min(int(1.0 / float((share**2).sum())), _KEPT))
        at = np.searchsorted(np.cumsum(share), (np.arange(count) + 0.5) / count)
        return ordered[np.minimum(at, len(ordered) - 1)]
    if len(ordered) <= _KEPT:
        return ordered
    at = np.round(np.linspace(0, len(ordered) - 1, _KEPT)).astype(np.int64)
    return ordered[at]


def one_peak(probabilities: Floats) -> Floats:
    """Return the largest function below probabilities ``[n, K]`` that falls away from the largest of a row.

    >>> one_peak(np.array([[0.2, 0.1, 0.4, 0.05, 0.25]])).tolist()
    [[0.1, 0.1, 0.4, 0.05, 0.05]]
    """
    out = probabilities.copy()
    mode, classes = out.argmax(1), out.shape[1]
    for k in range(1, classes):
        out[:, k] = np.where(k > mode, np.minimum(out[:, k], out[:, k - 1]), out[:, k])
    for k in range(classes - 2, -1, -1):
        out[:, k] = np.where(k < mode, np.minimum(out[:, k], out[:, k + 1]), out[:, k])
    return out


@dataclass(frozen=True, eq=False)
class Sets:
    """Prediction sets of a classification.

    Attributes:
        scores: Sorted scores ``1 - p(class)`` of held-out rows.
        ordered: Whether the classes are levels, and every set a range of them.
    """

    scores: Floats
    ordered: bool = False

    @staticmethod
    def of(probabilities: Floats, y: npt.NDArray[np.int64], ordered: bool) -> Floats:
        """Return the scores ``[n]`` of the classes ``y`` of rows with probabilities ``[n, K]``."""
        p = one_peak(probabilities) if ordered else probabilities
        return np.asarray(1.0 - p[np.arange(len(y)), y])

    def members(self, probabilities: Floats, level: float) -> npt.NDArray[np.bool_]:
        """Return which classes ``[n, K]`` are in the set of every row; the most probable one always is."""
        if not 0 < level < 1:
            raise ArgumentError("a level between 0 and 1", str(level), "for example 0.9")
        p = one_peak(probabilities) if self.ordered else probabilities
        inside = 1.0 - p <= conformal_quantile(self.scores, level)
        inside[np.arange(len(inside)), probabilities.argmax(1)] = True
        return inside

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"scores": self.scores, "ordered": self.ordered}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Sets":
        """Read the saved form."""
        return cls(np.asarray(state["scores"]), bool(state.get("ordered", False)))
