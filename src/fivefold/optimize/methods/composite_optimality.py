"""What can be proved of a point under bounds or an l1 penalty."""

import math
from typing import Protocol

from torch import Tensor

from fivefold.core import Certificate, Kind


class Side(Protocol):
    """What stands beside F: bounds, or an l1 penalty."""

    def distance(self, w: Tensor, gradient: Tensor) -> Tensor:
        """How far points [B, P] with gradients [B, P] of F are from stationary, [B]."""
        ...

    def largest_fall(self, w: Tensor, gradient: Tensor, m: float) -> float:
        """How much lower the whole can be than at w [P], if F is convex with strong convexity m >= 0."""
        ...


def certify_fixed_point(value: float, distance: float, tolerance: float) -> Certificate:
    """F is finite at w, and a unit step of the proximal (or projected) gradient moves w by <= tolerance.

    >>> print(certify_fixed_point(3.0, 1e-9, 1e-8).verdict)
    yes
    """
    return Certificate(
        "F is finite at w and |w - prox(w - grad F(w))| <= tolerance",
        Kind.PROOF,
        math.isfinite(value) and distance <= tolerance,
        bound=tolerance,
        value=distance,
        assumptions=("the gradient given is that of F, up to rounding",),
        method="the Euclidean norm, evaluated at w; prox is the projection onto bounds, or soft thresholding",
    )


def certify_fall(side: Side, w: Tensor, gradient: Tensor, m: float | None) -> Certificate:
    r"""Bound how much lower the minimum is than w, where F is known to be convex.

    F(v) >= F(w) + g.(v - w) + m/2 |v - w|^2, so the fall is at most that of the right side over all allowed
    v, which is separable and solved exactly. For m = 0 and a finite box it is the Frank-Wolfe gap: Jaggi,
    "Revisiting Frank-Wolfe", 2013.

    Args:
        side: Bounds or an l1 penalty.
        w: The point [P].
        gradient: Of F there [P].
        m: The strong convexity of F; 0 where it is convex, ``None`` where that is not known.

    >>> import torch
    >>> from fivefold.optimize.methods.bounds import Box
    >>> box = Box(torch.zeros(1), torch.ones(1))
    >>> certify_fall(box, torch.zeros(1), torch.tensor([-0.25]), 0.0).bound
    0.25
    """
    claim = "F(w) - min <= bound, the l1 term included and over the allowed w"
    if m is None:
        method = "F is not known to be convex, so the gradient bounds nothing"
        return Certificate(claim, Kind.PROOF, None, method=method)
    fall = side.largest_fall(w, gradient, m)
    if not math.isfinite(fall):
        method = "unbounded in a direction in which neither curvature nor a bound is known"
        return Certificate(claim, Kind.PROOF, None, method=method)
    return Certificate(
        claim,
        Kind.PROOF,
        True,
        bound=fall,
        value=float(side.distance(w[None], gradient[None])[0]),
        assumptions=(f"F is convex, with strong convexity m = {m:.6g}",),
        method="the largest fall of g.(v - w) + m/2 |v - w|^2 over the allowed v",
    )
