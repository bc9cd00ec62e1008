"""When a descent has reached what rounding leaves: the decrease that the quadratic model still predicts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind
from fivefold.objective import Objective
from fivefold.optimize.methods.newton import truncated_newton

_SAFETY, _PRODUCTS = 64.0, 60


@dataclass(frozen=True, slots=True)
class Floor:
    """What is left to gain at a point, and what rounding hides there.

    Args:
        predicted: The decrease that the quadratic model of F predicts.
        rounding: The size of the error of F by rounding of its value and of w.
        method: How the prediction was made.
    """

    predicted: float
    rounding: float
    method: str

    @property
    def reached(self) -> bool:
        """Whether what is left to gain is below rounding."""
        return self.predicted <= self.rounding


def rounding_floor(
    objective: Objective, w: Tensor, value: Tensor, gradient: Tensor, *, dense: bool
) -> Floor | None:
    r"""Compare the decrease that Newton's model predicts with the rounding of F.

    predicted = g.H^{-1} g / 2, scale-free: half the squared Newton decrement (Boyd and Vandenberghe, "Convex
    Optimization", 2004, section 9.5.1). rounding = 64 (eps \|F\| + \|H\| (eps \|w\|)^2 / 2): F cannot be
    represented more finely, nor can w, and moving w by its last digit changes F by the second term.

    Args:
        objective: F.
        w: The point [P].
        value: F there.
        gradient: g there [P].
        dense: Whether H is formed, and factorized by its eigenvectors; otherwise H p = -g is solved by
            conjugate gradients on at most 60 products.

    Returns:
        ``None`` where H is not finite, or has negative curvature.

    >>> F = Objective.from_function(lambda w: 1e6 + (w**2).sum(), torch.ones(2).double())
    >>> w = torch.full((2,), 1e-6).double()
    >>> rounding_floor(F, w, *F.value_and_gradient(w), dense=True).reached
    True
    """
    eps = torch.finfo(w.dtype).eps
    if not bool(torch.isfinite(gradient).all()):
        return None
    H = objective.hessian(w)
    if dense:
        matrix = H.to_dense()
        matrix = 0.5 * (matrix + matrix.mT)
        if not bool(torch.isfinite(matrix).all()):
            return None
        values, vectors = torch.linalg.eigh(matrix)
        largest = float(values.abs().max())
        noise = 10 * w.shape[0] * eps * largest
        if largest == 0 or float(values[0]) < -math.sqrt(eps) * largest:
            return None
        c = vectors.mT @ gradient
        predicted = float(0.5 * (c * c / values.clamp_min(noise)).sum())
        method = "g.H^-1 g / 2 with the dense Hessian"
    else:
        p, along = truncated_newton(H.__matmul__, gradient, iterations=min(_PRODUCTS, w.shape[0]))
        image = H @ gradient
        if along is not None or not bool(torch.isfinite(p).all()):
            return None
        largest = float(image.norm() / gradient.norm())
        predicted = float(-0.5 * (gradient @ p))
        method = "g.H^-1 g / 2 by conjugate gradients on Hessian products, which may fall short of it"
    hidden = eps * abs(float(value)) + 0.5 * largest * (eps * float(w.norm())) ** 2
    return Floor(predicted, _SAFETY * hidden, method)


def certify_rounding(value: float, gradient_norm: float, floor: Floor) -> Certificate:
    """F is finite at w, and what its quadratic model still promises is below rounding.

    >>> certify_rounding(1e6, 1e-6, Floor(1e-12, 1e-9, "")).verdict
    'yes'
    """
    return Certificate(
        "F is finite at w, and the decrease that its quadratic model predicts is below the rounding of F",
        Kind.INDICATOR,
        math.isfinite(value) and floor.reached,
        bound=floor.rounding,
        value=floor.predicted,
        assumptions=("F is as good as quadratic near w", "F errs by no less than its last digits"),
        method=f"{floor.method}; the gradient norm, {gradient_norm:.3g}, is above the tolerance",
    )
