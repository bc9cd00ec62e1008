"""The l1 penalty: its proximal map, how far a point is from a fixed point of it, and F with it added."""

import math

import torch
from torch import Tensor

from fivefold.core import ArgumentError, require
from fivefold.linalg import Array, LinearOperator
from fivefold.linalg.arrays import to_tensor
from fivefold.objective import DataObjective, Objective


class L1Penalty:
    r"""The penalty :math:`\sum_j \lambda_j |w_j|` over a batch of points.

    Its proximal map is soft thresholding: Parikh and Boyd, "Proximal algorithms", 2014, section 6.5.2.

    Args:
        weights: lambda [P], finite and at least 0.

    >>> penalty = L1Penalty(torch.tensor([1.0, 0.0]))
    >>> penalty.value(torch.tensor([[3.0, 4.0]])).tolist()
    [3.0]
    >>> penalty.prox(torch.tensor([[3.0, 4.0], [-0.5, 1.0]]), 1.0).tolist()
    [[2.0, 4.0], [-0.0, 1.0]]
    """

    kind = "l1"

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def value(self, w: Tensor) -> Tensor:
        """The penalty at points [..., P]: [...]."""
        total: Tensor = (self.weights * w.abs()).sum(-1)
        return total

    def prox(self, v: Tensor, step: Tensor | float) -> Tensor:
        """argmin_z |z - v|^2 / (2 step) + penalty(z); step is a number or broadcasts against v [..., P]."""
        return torch.sign(v) * (v.abs() - step * self.weights).clamp_min(0)

    def distance(self, w: Tensor, gradient: Tensor) -> Tensor:
        """|w - prox(w - g)| per point, [..., P] to [...]: 0 exactly at a stationary point of F + penalty."""
        norm: Tensor = (w - self.prox(w - gradient, 1.0)).norm(dim=-1)
        return norm

    def largest_fall(self, w: Tensor, gradient: Tensor, m: float) -> float:
        r"""How much lower F + penalty can be than at w [P], if F is convex with strong convexity m >= 0.

        .. math:: \sup_v\; g^\top (w - v) - \tfrac m2 |w - v|^2 + \lambda^\top (|w| - |v|)

        which is separable; infinite where m = 0 and some |g_j| > lambda_j.
        """
        if m == 0:
            inside = bool((gradient.abs() <= self.weights).all())
            return float((gradient * w + self.weights * w.abs()).sum()) if inside else math.inf
        v = self.prox(w - gradient / m, 1 / m)
        fall = gradient * (w - v) - 0.5 * m * (w - v).square() + self.weights * (w.abs() - v.abs())
        return max(float(fall.sum()), 0.0)


class Penalised(Objective):
    """F + the l1 penalty, with the gradient of F alone: what proximal methods need of a sum.

    Args:
        smooth: F.
        penalty: The l1 penalty.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.tensor([2.0]))
    >>> value, gradient = Penalised(F, L1Penalty(torch.tensor([1.0]))).value_and_gradient([2.0])
    >>> value.item(), gradient.tolist()
    (6.0, [4.0])
    """

    def __init__(self, smooth: Objective, penalty: L1Penalty) -> None:
        super().__init__(smooth.initial, scale=smooth.scale)
        self.smooth = smooth
        self.penalty = penalty

    def _value(self, w: Tensor) -> Tensor:
        return self.smooth.value(w) + self.penalty.value(w)

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = self.smooth.value_and_gradient(w)
        return value + self.penalty.value(w), gradient

    def _hessian(self, w: Tensor) -> LinearOperator:
        return self.smooth.hessian(w)


def l1_penalty(objective: Objective, l1: Array | float) -> L1Penalty:
    """Read the weights of a penalty.

    Args:
        objective: F.
        l1: One number, which like one prior precision leaves the intercepts of a model and the likelihood's
            parameters alone; or [P], which holds as given. Finite, at least 0.

    Raises:
        ArgumentError: Negative, not finite, or of another length.

    >>> from fivefold.objective import Linear
    >>> from fivefold.probability import Bernoulli
    >>> X = torch.eye(2)
    >>> l1_penalty(DataObjective(Linear(X), Bernoulli(), (X, [0, 1])), 0.5).weights.tolist()
    [0.5, 0.5, 0.0]
    """
    given = to_tensor(l1, "l1", dims=(0, 1), finite=False).to(dtype=objective.dtype, device=objective.device)
    if given.ndim == 1 and given.shape[0] != objective.size:
        raise ArgumentError(f"l1 as one number or [{objective.size}] numbers", f"shape {tuple(given.shape)}")
    good = bool((torch.isfinite(given) & (given >= 0)).all())
    require(good, "a finite l1 of at least 0", given.tolist() if given.numel() < 5 else "other numbers")
    if given.ndim == 1:
        return L1Penalty(given.clone())
    weights = given.expand(objective.size).clone()
    if isinstance(objective, DataObjective):
        own = objective.model.size
        weights[:own][objective.model.flat.to(weights.device)] = 0
        weights[own:] = 0
    return L1Penalty(weights)
