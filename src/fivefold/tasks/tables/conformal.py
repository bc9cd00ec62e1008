r"""Prediction intervals and sets that cover as they claim, from held-out residuals.

**Intervals.** Every training row has a residual :math:`r_i = y_i - \hat y_{-i}(x_i)` of a model that has not
seen it (its fold was left out), and the spread :math:`\hat s(x)` of residuals is itself modelled: a ridge
regression of :math:`\log |r_i|` on the basis. With :math:`q_\alpha` the quantiles of
:math:`r_i / \hat s(x_i)` (the spread, too, from folds that have not seen the row), the interval is
:math:`[\hat y + q_{\alpha/2} \hat s,\ \hat y + q_{1-\alpha/2} \hat s]` on the model's scale, so that it
follows the target where it is skewed and widens where the model is less sure.

**Sets.** For classes the score is one minus the probability of the class; the set holds every class whose
score is at most its :math:`1-\alpha` quantile. For ordered classes the probability is first made to fall away
from the most probable class on both sides, :math:`\tilde p_k = \min` of p between the two: the set is then a
range of levels, and is the same as without wherever the probabilities have one peak (for such ranges see Lu,
Angelopoulos and Pomerantz, Improving trustworthiness of AI disease severity rating with ordinal conformal
prediction sets, MICCAI 2022).

Rows exchangeable with the training rows are covered with probability about :math:`1 - \alpha` (never below
:math:`1 - 2\alpha` up to :math:`O(1/n)`: Barber, Candes, Ramdas and Tibshirani, Predictive inference with the
jackknife+, Annals of Statistics 49, 2021; scores scaled by a spread: Lei et al., JASA 113, 2018). The claim
is measured on the test rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError, require
from fivefold.tasks.tables.basis import Basis
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.predictors import LinearPredictor
from fivefold.tasks.tables.table import Table

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
    rank = int(np.ceil((len(scores) + 1) * level - 1e-9))
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


@dataclass(frozen=True, eq=False)
class Spread:
    r"""The spread of residuals as a function of the row: :math:`\log \hat s(x)` is linear on a basis.

    Attributes:
        model: The linear predictor of the logarithm, or ``None`` for the same spread everywhere.
        low, high: Bounds of the logarithm: the central 99.8% of its training values.
    """

    model: LinearPredictor | None
    low: float
    high: float

    def __call__(self, table: Table) -> Floats:
        r"""Return :math:`\hat s(x)` ``[n]``, positive."""
        if self.model is None:
            return np.ones(table.rows)
        return np.exp(np.clip(self.model.eta(table)[:, 0], self.low, self.high))

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {
            "model": None if self.model is None else self.model.state(),
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Spread":
        """Read the saved form."""
        record = state["model"]
        model = None
        if record is not None:
            model = LinearPredictor(
                Encoder.from_state(record["encoder"]), Basis.from_state(record["basis"]), record["w"]
            )
        return cls(model, float(state["low"]), float(state["high"]))


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of a regression on the model's scale.

    Attributes:
        spread: The spread of residuals.
        scores: Sorted signed scores ``r / s`` of held-out rows.
        counts: Whether residuals are those of counts, ``(y - mean) / sqrt(mean)``, and the bounds counts.
    """

    spread: Spread
    scores: Floats
    counts: bool = False

    def bounds(self, table: Table, eta: Floats, level: float) -> tuple[Floats, Floats]:
        """Return lower and upper bounds ``[n]`` on the model's scale (for counts, on that of the counts).

        Args:
            table: Typed rows.
            eta: ``[n]`` linear predictors of the rows.
            level: Wanted coverage, in (0, 1); infinite bounds where there are too few scores for it.

        Raises:
            ArgumentError: ``level`` outside (0, 1).
        """
        if not 0 < level < 1:
            raise ArgumentError("a level between 0 and 1", str(level), "for example 0.9")
        tail = (1 - level) / 2
        upper = conformal_quantile(self.scores, 1 - tail)
        lower = -conformal_quantile(-self.scores, 1 - tail)
        if self.counts:
            mean = np.exp(np.clip(eta, -700, 700))
            return mean + lower * np.sqrt(mean), mean + upper * np.sqrt(mean)
        spread = self.spread(table)
        return eta + lower * spread, eta + upper * spread

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"spread": self.spread.state(), "scores": self.scores, "counts": self.counts}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Intervals":
        """Read the saved form."""
        return cls(Spread.from_state(state["spread"]), np.asarray(state["scores"]), bool(state["counts"]))


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
