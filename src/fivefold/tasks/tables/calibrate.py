"""From held-out predictions to honest uncertainty: the spread of residuals, scores, and a temperature."""

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import NumericalError
from fivefold.inference import gaussian_evidence
from fivefold.tasks.prediction_sets import Sets, thin
from fivefold.tasks.tables.basis import Basis, plain_blocks, spline_blocks
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.conformal import Intervals, Spread
from fivefold.tasks.tables.encode import Encoded, Encoder
from fivefold.tasks.tables.predictors import LinearPredictor
from fivefold.tasks.tables.target import Target, weighted_mean
from fivefold.tasks.temperature import best_temperature

Floats = npt.NDArray[np.float64]
_LEAST_ROWS = 200
"""With fewer residuals their spread is taken to be the same everywhere."""


def temperature(target: Target, eta: Floats, y: Floats, weights: Floats | None = None) -> float:
    """Return the temperature in [1/4, 16] that minimises the log loss of held-out rows.

    Args:
        target: A classification.
        eta: ``[n, K]`` held-out linear predictors.
        y: ``[n]`` codes of the classes.
        weights: ``[n]`` positive weights of the rows; equal ones change nothing.
    """
    return best_temperature(lambda inverse: weighted_mean(target.loss(eta * inverse, y), weights))


def _fit_spread(encoder: Encoder, rows: Encoded, residuals: Floats, weights: Floats | None) -> Spread:
    r"""Model :math:`\log |r|` on splines and levels by ridge with penalties from the marginal likelihood."""
    floor = 1e-3 * float(np.sqrt(np.mean(residuals**2))) or 1e-300
    y = np.log(np.maximum(np.abs(residuals), floor))
    # log|r| of a normal residual has mean log(s) - 0.635: the constant is absorbed by the scores' quantiles.
    basis = Basis(tuple(plain_blocks(rows) + spline_blocks(rows)))
    design = torch.from_numpy(basis.design(rows)).to(torch.float64)
    a = None if weights is None else torch.from_numpy(weights)
    found = gaussian_evidence(design, torch.from_numpy(y), basis.sizes, a, steps=30)
    model = LinearPredictor(encoder, basis, found.w.numpy()[:, None])
    fitted = model.eta_encoded(rows)[:, 0]
    low, high = np.quantile(fitted, [0.001, 0.999])
    return Spread(model, float(low), float(high))


def intervals(problem: Problem, eta: Floats, clusters: npt.NDArray[np.int64] | None = None) -> Intervals:
    """Learn intervals from held-out predictions of the training rows.

    Args:
        problem: The training rows.
        eta: ``[n]`` linear predictors of models that had not seen the row; NaN where there is none.
        clusters: ``[n]`` groups that the spread of residuals must not learn from where it judges them.
    """
    everyone = problem.weights
    everyone = None if everyone is None or np.ptp(everyone) == 0 else everyone

    def weights(at: npt.NDArray[np.int64]) -> Floats | None:
        return None if everyone is None else everyone[at]

    if problem.target.family == "poisson":
        mean = np.exp(np.clip(eta, -700, 700))
        pearson = (problem.y - mean) / np.sqrt(mean)
        known = np.flatnonzero(np.isfinite(pearson))
        return Intervals(Spread(None, 0.0, 0.0), thin(pearson[known], weights(known)), counts=True)
    residuals = problem.target.residual(eta[:, None], problem.y)
    known = np.flatnonzero(np.isfinite(residuals))
    constant = Intervals(Spread(None, 0.0, 0.0), thin(residuals[known], weights(known)))
    if len(known) < _LEAST_ROWS or float(np.abs(residuals[known]).max()) == 0.0:
        return constant
    encoder, rows = problem.encoded()
    try:
        spread = _fit_spread(encoder, _take(rows, known), residuals[known], weights(known))
        scores = np.empty(len(known))
        units = np.arange(len(known))
        if clusters is not None and np.ptp(clusters[known]) > 0:
            units = np.unique(clusters[known], return_inverse=True)[1].reshape(-1)
        fold = units % min(5, int(units.max()) + 1)
        for held in range(int(fold.max()) + 1):
            others, own = known[fold != held], known[fold == held]
            part = _fit_spread(encoder, _take(rows, others), residuals[others], weights(others))
            assert part.model is not None
            log_s = part.model.eta_encoded(_take(rows, own))[:, 0]
            scores[fold == held] = residuals[own] / np.exp(np.clip(log_s, part.low, part.high))
    except NumericalError:
        return constant
    return Intervals(spread, thin(scores, weights(known)))


def _take(rows: Encoded, at: npt.NDArray[np.int64]) -> Encoded:
    return Encoded(
        rows.numbers[at], rows.names, rows.origins, {k: v[at] for k, v in rows.codes.items()}, rows.levels
    )


def sets(target: Target, eta: Floats, y: Floats, weights: Floats | None = None) -> Sets:
    """Learn prediction sets from held-out, tempered linear predictors ``[n, K]``, weighted by row."""
    ordered = target.family == "ordinal"
    scores = Sets.of(target.mean(eta), y.astype(np.int64), ordered)
    sorted_scores = np.sort(scores) if weights is None or np.ptp(weights) == 0 else thin(scores, weights)
    return Sets(sorted_scores, ordered)
