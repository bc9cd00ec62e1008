"""A proof of how far an l1-penalised linear model is from its minimum, from a point of the dual problem."""

from typing import cast

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.objective.linear_path import LinearPath
from fivefold.optimize.methods.l1_penalty import L1Penalty
from fivefold.probability import Bernoulli, Gaussian, Likelihood, Poisson


def has_dual(objective: Objective) -> bool:
    """Whether the dual of an objective with an l1 penalty is known here.

    >>> has_dual(Objective.from_function(lambda w: (w**2).sum(), [1.0]))
    False
    """
    if not isinstance(objective, DataObjective) or not isinstance(objective.model, Linear):
        return False
    likelihood = objective.likelihood
    return isinstance(likelihood, Bernoulli | Gaussian | Poisson) and likelihood.parameters == 0


def certify_duality_gap(objective: Objective, penalty: L1Penalty, w: Tensor) -> Certificate:
    r"""Bound F(w) + l1(w) - min by the gap to a feasible point of the dual.

    .. math:: P(w) = \tfrac1n \sum_i a_i \ell_i(\bar x_i w + b_i) + \sum_j h_j(w_j), \qquad
              D(\theta) = -\tfrac1n \sum_i a_i (\ell_i^*(\theta_i) - \theta_i b_i)
              - \sum_j h_j^*(-\tfrac1n \bar X_j^\top (a \theta))

    with h the l1 penalty and the prior's share, and stars for convex conjugates. P(w) >= D(theta) for every
    w and theta, so P(w) - min P <= P(w) - D(theta). theta is the residual :math:`\ell_i'` at w, made
    feasible: residuals of the larger of the two signs shrink until they sum to 0, which a free intercept
    asks for, and all shrink until no column without a ridge exceeds its lambda. Shrinking keeps every
    residual in the conjugate's domain. Boyd and Vandenberghe, "Convex Optimization", 2004, section 5.2; Kim,
    Koh, Lustig, Boyd and Gorinevsky, 2007, section III (the scaling).

    Args:
        objective: F; Gaussian of known sd, Bernoulli or Poisson over a linear model.
        penalty: The l1 penalty.
        w: The point [P].

    Returns:
        A proof, or ``unknown``: another F, a column without l1 or prior other than the intercept, or
        numbers that are not finite.

    >>> X = torch.eye(2, dtype=torch.float64)
    >>> F = DataObjective(Linear(X, intercept=False), Gaussian(sd=1.0), (X, [3.0, 0.5]))
    >>> c = certify_duality_gap(F, L1Penalty(torch.full((2,), 0.5)), torch.tensor([2.0, 0.0], dtype=X.dtype))
    >>> c.verdict, c.bound < 1e-12
    ('yes', True)
    """
    claim = "F(w) + l1(w) - min <= bound"
    if not has_dual(objective):
        return Certificate(claim, Kind.PROOF, None, method="no dual is known for this objective")
    data = cast("DataObjective", objective)
    model = cast("Linear", data.model)
    w = w.detach()
    weights = penalty.weights.double()
    ridge, pull = _prior(data, w)
    bare = (weights == 0) & (ridge == 0)
    if model.intercept:
        bare[-1] = False
    if bool(bare.any()):
        reason = f"{int(bare.sum())} columns beside the intercept have neither l1 nor a prior"
        return Certificate(claim, Kind.PROOF, None, method=reason)
    eta = data.predictor(w).double()
    y, a, b = _observations(data)
    likelihood = data.likelihood
    n = data.rows
    theta = likelihood.gradient(eta, y)
    if model.intercept and float(weights[-1]) == 0 and float(ridge[-1]) == 0:
        theta = _balanced(theta, a)
    mass = (a * theta).to(w.dtype)[:, None]
    columns = (data.jacobian(w).H @ mass)[:, 0].double() / n
    # columns with a ridge have finite conjugates everywhere, an intercept's is 0 by balance
    bound = (ridge == 0) & (weights > 0)
    excess = (columns.abs() / torch.where(bound, weights, 1.0))[bound]
    room = 1 - 16 * torch.finfo(torch.float64).eps
    scale = min(1.0, room / float(excess.max())) if excess.numel() and float(excess.max()) > 0 else 1.0
    theta, columns = scale * theta, scale * columns
    at = w.double()
    smooth = float((a * likelihood.negative_log_density(eta, y)).sum()) / n
    quadratic = float((0.5 * ridge * at.square() - pull * at).sum())
    primal = smooth + quadratic + float((weights * at.abs()).sum())
    inner = float((a * (_conjugate(likelihood, theta, y) - theta * b)).sum()) / n
    over = ((pull - columns).abs() - weights).clamp_min(0)
    outer = float((over.square() / (2 * torch.where(ridge > 0, ridge, torch.inf))).sum())
    dual = -inner - outer
    rounding = 64 * torch.finfo(w.dtype).eps * (abs(primal) + abs(dual) + abs(smooth))
    gap = primal - dual
    if not gap >= -rounding or gap == float("inf"):
        return Certificate(claim, Kind.PROOF, None, value=gap, method="the gap is not a finite number")
    return Certificate(
        claim,
        Kind.PROOF,
        True,
        bound=max(gap, 0.0) + rounding,
        value=max(gap, 0.0),
        assumptions=(f"sums are exact to {rounding:.2g}",),
        method=f"duality gap at the residual times {scale:.6g}, made feasible",
    )


def _prior(data: DataObjective, w: Tensor) -> tuple[Tensor, Tensor]:
    """The prior's share is rho/2 w^2 - pull w and a constant, which both sides have: rho and pull."""
    if data.prior is None:
        zero = torch.zeros_like(w, dtype=torch.float64)
        return zero, zero
    ridge = data.prior.curvature(w).double().expand(w.shape) / data.scale
    pull = -data.prior.gradient(torch.zeros_like(w)).double() / data.scale
    return ridge, pull


def _observations(data: DataObjective) -> tuple[Tensor, Tensor, Tensor]:
    """y, weights and offsets of all rows [n], in float64."""
    path = data._path
    assert isinstance(path, LinearPath)
    y, a, b = [], [], []
    for rows in path.source:
        ones = torch.ones_like(rows.y, dtype=torch.float64)
        y.append(rows.y.double())
        a.append(ones if rows.weights is None else rows.weights.double())
        b.append(0 * ones if rows.offset is None else rows.offset.double())
    return torch.cat(y), torch.cat(a), torch.cat(b)


def _balanced(theta: Tensor, a: Tensor) -> Tensor:
    """Residuals whose weighted sum is 0: those of the heavier sign shrunk."""
    up, down = (a * theta.clamp_min(0)).sum(), (a * (-theta).clamp_min(0)).sum()
    if float(up) == 0 or float(down) == 0:
        return torch.zeros_like(theta)
    return torch.where(theta > 0, (down / up).clamp_max(1), (up / down).clamp_max(1)) * theta


def _conjugate(likelihood: Likelihood, u: Tensor, y: Tensor) -> Tensor:
    """The largest, over eta, of u eta - loss(eta), row by row."""
    if isinstance(likelihood, Gaussian):
        assert likelihood.sd is not None
        variance = likelihood.sd**2
        half = 0.5 * torch.log(torch.tensor(2 * torch.pi * variance, dtype=u.dtype))
        return u * y + 0.5 * variance * u.square() - half.to(u.device)
    # rounding may leave the domain's edge by an ulp, where the conjugate is continuous
    r = (u + y).clamp_min(0)
    if isinstance(likelihood, Bernoulli):
        r = r.clamp_max(1)
        return torch.xlogy(r, r) + torch.xlogy(1 - r, 1 - r)
    return torch.xlogy(r, r) - r - torch.lgamma(y + 1)
