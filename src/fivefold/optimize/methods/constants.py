"""Constants of an objective's curvature that follow from how it is built."""

import math

from fivefold.objective import DataObjective, Linear, Objective
from fivefold.objective.linear_path import LinearJacobian
from fivefold.probability import Bernoulli, Categorical, Gaussian, Poisson


def strong_convexity(objective: Objective) -> float | None:
    r"""A proven lower bound m on every eigenvalue of the Hessian, wherever w is.

    m = min_j tau_j / scale, the least prior precision, for a linear model whose likelihood is convex in the
    predictor (Gaussian of known sd, Bernoulli, categorical, Poisson) and has no parameters of its own.

    Returns:
        m, at least 0 (0 where a direction has a flat prior), or ``None`` where nothing is known.

    >>> import torch
    >>> from fivefold.probability import GaussianPrior
    >>> X = torch.eye(2, dtype=torch.float64)
    >>> model = Linear(X, intercept=False)
    >>> strong_convexity(DataObjective(model, Bernoulli(), (X, [0, 1]), GaussianPrior(4.0)))
    2.0
    """
    data = _convex(objective)
    if data is None:
        return None
    if data.prior is None:
        return 0.0
    return float(data.prior.curvature(data.initial).min()) / data.scale


def self_concordance(objective: Objective) -> float | None:
    r"""A proven M with \|F'''[v, v, u]\| <= M \|u\| F''[v, v], wherever w is.

    The third derivative of a row's loss in the predictor is at most c times the second: c = 0 (Gaussian), 1
    (Bernoulli, Poisson), sqrt 2 (categorical, the most by which two entries of a unit vector differ).
    The predictor moves by at most \|x_i\| \|u\|, so M = c max_i \|x_i\|.

    Returns:
        M, or ``None`` where nothing is known.

    >>> import torch
    >>> X = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    >>> self_concordance(DataObjective(Linear(X, intercept=False), Poisson(), (X, [1, 2])))
    5.0
    """
    data = _convex(objective)
    if data is None:
        return None
    if isinstance(data.likelihood, Gaussian):
        return 0.0
    factor = math.sqrt(2.0) if isinstance(data.likelihood, Categorical) else 1.0
    J = data.jacobian(data.initial)
    assert isinstance(J, LinearJacobian)  # as every linear model's is
    return factor * float(J.row_norms().max())


def _convex(objective: Objective) -> DataObjective | None:
    """The objective, where it is a linear model under a likelihood that is convex in the predictor."""
    if not isinstance(objective, DataObjective) or not isinstance(objective.model, Linear):
        return None
    likelihood = objective.likelihood
    convex = isinstance(likelihood, Bernoulli | Categorical | Gaussian | Poisson)
    return objective if convex and likelihood.parameters == 0 else None
