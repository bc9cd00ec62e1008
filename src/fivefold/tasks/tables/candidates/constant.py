"""The constant: the mean of the target, the yardstick that every method must beat."""

from dataclasses import dataclass

import numpy as np

from fivefold.core import Status
from fivefold.tasks.tables.candidates.problem import Candidate, Fitted, Problem
from fivefold.tasks.tables.predictors import ConstantPredictor


@dataclass(frozen=True)
class Constant:
    """The maximum-likelihood constant of the family."""

    name: str = "constant"
    description: str = "The same prediction for every row: the mean of the target."
    least_rows: int = 1

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return the number of rows."""
        return float(rows * outputs)

    def fit(self, problem: Problem) -> Fitted:
        """Return the mean on the scale of the linear predictor."""
        a = np.ones(problem.rows) if problem.weights is None else problem.weights
        y, family = problem.y, problem.target.family
        if family in {"categorical", "ordinal"}:
            counts = np.bincount(y.astype(np.int64), weights=a, minlength=problem.target.outputs)
            values = np.log((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))
        elif family == "bernoulli":
            share = float((a @ y + 0.5) / (a.sum() + 1.0))
            values = np.array([np.log(share / (1 - share))])
        elif family == "poisson":
            exposure = np.ones(problem.rows) if problem.offset is None else np.exp(problem.offset)
            values = np.array([np.log(max(float(a @ y), 0.5) / float(a @ exposure))])
        elif family == "gamma":
            values = np.array([np.log(float(a @ y / a.sum()))])
        else:
            values = np.array([float(a @ y / a.sum())])
        return Fitted(ConstantPredictor(values), Status.CONVERGED)


def fit_or_constant(candidate: Candidate, problem: Problem) -> Fitted:
    """Fit a candidate, or the constant where no column of these rows tells anything.

    Columns of which hardly any value comes again leave none, in a part of the rows sooner than in all.

    Args:
        candidate: What is to be fitted.
        problem: Some of the training rows.
    """
    return (candidate if problem.columns else Constant()).fit(problem)
