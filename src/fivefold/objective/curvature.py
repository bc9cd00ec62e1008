"""The curvature of a sum of negative log densities in the predictors and the likelihood's parameters."""

import torch
from torch import Tensor

from fivefold.linalg import LinearOperator
from fivefold.probability import JointCurvature


def weighted(curvature: JointCurvature, a: Tensor | float) -> JointCurvature:
    """Multiply each row's curvature by its weight ``[n]``, or all of them by one number."""
    a = torch.as_tensor(a, dtype=curvature.eta.dtype, device=curvature.eta.device).reshape(-1)
    several = _several(curvature)
    outer = None
    if curvature.outer is not None:
        eta, outer = curvature.eta * a[:, None], curvature.outer * a.sqrt()[:, None]
    else:
        eta = curvature.eta * (a[:, None, None] if several else a)
    if not curvature.theta.shape[-1]:
        return JointCurvature(eta, curvature.cross, curvature.theta, outer)
    cross = curvature.cross * (a[:, None, None] if several else a[:, None])
    return JointCurvature(eta, cross, curvature.theta * a[:, None, None], outer)


def apply_curvature(curvature: JointCurvature, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    r"""Multiply tangents with the curvature of the summed negative log density.

    .. math:: (\dot\eta, \dot\theta) \mapsto
              (D \dot\eta + E \dot\theta,\; E^\top \dot\eta + \textstyle\sum_i T_i\, \dot\theta)

    Args:
        curvature: D, E and T of each row, with leading dimensions ``[...]``.
        eta: c tangents in the predictors: ``[..., c, n]`` or ``[..., c, n, K]``.
        theta: c tangents in the own parameters: ``[..., c, q]``.

    Returns:
        The same shapes.
    """
    D, E, T = curvature.eta, curvature.cross, curvature.theta
    if not _several(curvature):
        out = D[..., None, :] * eta
        if theta.shape[-1]:
            out = out + theta @ E.mT
            return out, eta @ E + theta @ T.sum(-3)
    else:
        if curvature.outer is not None:
            s = curvature.outer[..., None, :, :]
            out = D[..., None, :, :] * eta - s * (s * eta).sum(-1, keepdim=True)
        else:
            # Per row: [..., n, c, K] @ [..., n, K, K].
            out = (eta.movedim(-3, -2) @ D).movedim(-2, -3)
        if theta.shape[-1]:
            out = out + torch.einsum("...nkq,...cq->...cnk", E, theta)
            return out, torch.einsum("...nkq,...cnk->...cq", E, eta) + theta @ T.sum(-3)
    rows = 2 if _several(curvature) else 1
    return out, theta.new_zeros((*out.shape[: out.ndim - rows], 0))


def _several(curvature: JointCurvature) -> bool:
    # With K outputs the mixed derivatives [..., n, K, q] have as many dimensions as those in theta.
    return curvature.cross.ndim == curvature.theta.ndim


class PredictorCurvature(LinearOperator):
    r"""The curvature as an operator on :math:`z = (\eta_{11}, \ldots, \eta_{nK}, \theta)`.

    Args:
        curvature: D, E and T of each row, without leading dimensions.
        positive: The maker's claim that it is positive semidefinite.
    """

    def __init__(self, curvature: JointCurvature, *, positive: bool) -> None:
        rows = curvature.cross.shape[:-1]
        self._q = curvature.theta.shape[-1]
        size = rows.numel() + self._q
        super().__init__(
            (size, size),
            dtype=curvature.eta.dtype,
            device=curvature.eta.device,
            symmetric=True,
            positive=positive,
        )
        self._rows = tuple(rows)
        self._curvature = curvature

    def _matmat(self, X: Tensor) -> Tensor:
        tangents = X.mT
        cut = X.shape[-2] - self._q
        eta = tangents[..., :cut].reshape(*tangents.shape[:-1], *self._rows)
        out, own = apply_curvature(self._curvature, eta, tangents[..., cut:])
        return torch.cat([out.reshape(*tangents.shape[:-1], cut), own], dim=-1).mT

    def _adjoint(self) -> "PredictorCurvature":
        return self
