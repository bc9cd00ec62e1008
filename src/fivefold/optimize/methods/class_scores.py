"""How far from the minimum a softmax regression is, though a shift of all its scores changes nothing."""

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind
from fivefold.objective import DataObjective, Linear
from fivefold.objective.linear_path import PredictorHessian
from fivefold.optimize.methods.optimality import Curvatures, certify_suboptimality
from fivefold.probability import Categorical


def has_class_scores(objective: object) -> bool:
    """Whether an objective is a softmax regression, linear in its parameters."""
    return (
        isinstance(objective, DataObjective)
        and isinstance(objective.model, Linear)
        and isinstance(objective.likelihood, Categorical)
    )


def certify_class_scores(
    objective: DataObjective,
    w: Tensor,
    gradient: Tensor,
    self_concordance: float,
    part: DataObjective | None = None,
) -> Certificate | None:
    r"""Bound F(w) - min F of a softmax regression whose common shift of scores only the prior sees.

    The mean over the K classes of w and what is left of it are orthogonal, and where the prior's precisions
    :math:`r_j` (divided by N) are the same for every class, F is a sum over the two:

    .. math:: F(w) = \frac K2 \sum_j r_j (\bar w_j - \bar m_j)^2 + F_c(w - \bar w)

    The first is minimal at a gap of K times the mean prior gradient squared over 2 r_j. On the second, the
    curvature of a row is at least :math:`a_i \min_k p_{ik}`, as
    :math:`\sum_k p_k (v_k - v \cdot p)^2 \ge \min_k p_k \sum_k (v_k - \bar v)^2`, so that

    .. math:: \lambda \ge \lambda_{\min}\Bigl( \tfrac1n \sum_i a_i \min_k p_{ik}\, \bar x_i \bar x_i^\top
              + \operatorname{diag} r \Bigr),

    over all rows, or over some, as no row takes from the sum; then as for one output, with the gradient's
    part and self-concordance (:func:`certify_suboptimality`).

    Args:
        objective: A softmax regression.
        w: The point [P].
        gradient: Its gradient there [P].
        self_concordance: M of :func:`fivefold.optimize.self_concordance`.
        part: The objective on some of the rows, for the curvature alone; all by default.

    Returns:
        The certificate; ``None`` where the prior differs between classes.
    """
    part = objective if part is None else part
    model, share = part.model, part.rows / objective.rows
    H = part.hessian(w)
    assert isinstance(model, Linear)
    assert isinstance(H, PredictorHessian)
    ridge = model.to_blocks(H.ridge)
    if not bool((ridge == ridge[0]).all()):
        return None
    K, r = model.outputs, ridge[0]
    floor = share * H.least_between_classes() + torch.diag(r)
    if not bool(torch.isfinite(floor).all()):
        return None
    values = torch.linalg.eigvalsh(floor)
    own = model.to_blocks(gradient)
    common = own.mean(0, keepdim=True)
    gap = 0.0
    if objective.prior is not None:
        pull = model.to_blocks(objective.prior.gradient(w)).mean(0) / objective.scale
        gap = float((0.5 * K * pull.square() / torch.where(r > 0, r, 1.0)).sum())
    noise = 100 * len(values) * torch.finfo(w.dtype).eps * float(values[-1])
    found = certify_suboptimality(
        float((own - common).norm()),
        self_concordance=self_concordance,
        curvature=Curvatures(float(values[0]), float(values[-1]), noise, "the differences of scores"),
    )
    if found.bound is None:
        return found
    return Certificate(
        found.claim,
        Kind.PROOF,
        found.holds,
        bound=found.bound + gap,
        value=found.value,
        assumptions=found.assumptions,
        method=f"{found.method}; differences of scores and their mean apart, for which {gap:.3g} is added",
    )
