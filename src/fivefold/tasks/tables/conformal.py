r"""Prediction intervals that cover as they claim, from held-out residuals.

Every training row has a residual :math:`r_i = y_i - \hat y_{-i}(x_i)` of a model that has not
seen it (its fold was left out), and the spread :math:`\hat s(x)` of residuals is itself modelled: a ridge
regression of :math:`\log |r_i|` on the basis. With :math:`q_\alpha` the quantiles of
:math:`r_i / \hat s(x_i)` (the spread, too, from folds that have not seen the row), the interval is
:math:`[\hat y + q_{\alpha/2} \hat s,\ \hat y + q_{1-\alpha/2} \hat s]` on the model's scale, so that it
follows the target where it is skewed and widens where the model is less sure.

Rows exchangeable with the training rows are covered with probability about :math:`1 - \alpha` (never below
:math:`1 - 2\alpha` up to :math:`O(1/n)`: Barber, Candes, Ramdas and Tibshirani, Predictive inference with the
jackknife+, Annals of Statistics 49, 2021; scores scaled by a spread: Lei et al., JASA 113, 2018). The claim
is measured on the test rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError
from fivefold.tasks.prediction_sets import conformal_quantile
from fivefold.tasks.tables.basis import Basis
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.predictors import LinearPredictor
from fivefold.tasks.tables.table import Table

Floats = npt.NDArray[np.float64]


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
