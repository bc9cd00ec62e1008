"""F around one point by its gradient and a positive semidefinite curvature: Gauss-Newton's, or Fisher's."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fivefold.core import Budget
from fivefold.linalg import Dense, Diagonal, Identity, LinearOperator, Product, cg
from fivefold.objective import Objective
from fivefold.optimize.methods.linearization import INNER_STEPS, fits, random_signs, within_rounding

_PROBES = 4
"""Random signs that estimate the mean of the curvature's diagonal."""


class Curved:
    r"""A gradient g and a curvature G; the step solves :math:`(G + \lambda D^2)\, p = -g`.

    By a Cholesky factorization where G is formed, otherwise by conjugate gradients. The distance is the
    gradient's norm.

    Args:
        objective: F.
        curvature: A point [P] to G as an operator.
        w: The point [P].
        scaled: Whether D is the root of G's diagonal where that is known; otherwise it is the root of the
            diagonal's mean for all parameters.
    """

    refines = False

    def __init__(
        self, objective: Objective, curvature: Callable[[Tensor], LinearOperator], w: Tensor, *, scaled: bool
    ) -> None:
        self._objective = objective
        self.w = w.detach().clone()
        value, gradient = objective.value_and_gradient(self.w)
        self.value, self.gradient = value.detach(), gradient.detach()
        P = self.w.shape[0]
        self._G = curvature(self.w)
        if fits(P, self.w):
            self._G = Dense(self._G.to_dense().detach())
            diagonal = self._G.matrix.diagonal().clamp_min(0)
        else:
            Z = random_signs(P, _PROBES, self.w)
            diagonal = (Z * torch.as_tensor(self._G @ Z)).mean().clamp_min(0).detach().expand(P)
        self.scale = (diagonal if scaled else diagonal.mean().expand(P)).sqrt()
        finite = torch.isfinite(self.gradient).all() & torch.isfinite(self.scale).all()
        self._finite = bool(finite & torch.isfinite(self.value))

    def step(self, damping: float, scale: Tensor) -> tuple[Tensor, float]:
        """Solve in the scaled parameters; the scaled negative gradient where G turns out indefinite."""
        right = -self.gradient / scale
        one = Identity(right.shape[0], dtype=right.dtype, device=right.device)
        if isinstance(self._G, Dense):
            G = self._G.matrix / scale / scale[:, None] + damping * one.to_dense()
            factor, failed = torch.linalg.cholesky_ex(G)
            z = right / damping if int(failed) else torch.cholesky_solve(right[:, None], factor)[:, 0]
        else:
            D = Diagonal(1 / scale)
            A = Product(Product(D, self._G), D) + damping * one
            tolerance = max(1e-8, min(0.1, math.sqrt(float(self.gradient.norm()))))
            z = torch.as_tensor(cg(A, right, tolerance=tolerance, budget=Budget(steps=INNER_STEPS)).x)
        p = z / scale
        image = torch.as_tensor(self._G @ p)
        return p, -float(self.gradient @ p) - 0.5 * float(p @ image)

    def shortest(self) -> Tensor:
        """The undamped step, without the directions that G maps to rounding where it is formed."""
        scale = torch.where(self.scale > 0, self.scale, 1.0)
        if not isinstance(self._G, Dense):
            return self.step(0.0, scale)[0]
        values, vectors = torch.linalg.eigh(self._G.matrix / scale / scale[:, None])
        kept = values > values.shape[0] * torch.finfo(values.dtype).eps * values.abs().max()
        inverse = torch.where(kept, 1 / torch.where(kept, values, 1.0), 0.0)
        p: Tensor = vectors @ (inverse * (vectors.mT @ (-self.gradient / scale))) / scale
        return p

    def correction(self, p: Tensor, damping: float, scale: Tensor) -> Tensor | None:
        """Nothing: there are no residuals."""
        return None

    def decrease(self, w: Tensor) -> tuple[float, float]:
        """F here less F there."""
        here, there = float(self.value), float(self._objective.value(w))
        return here - there, within_rounding(abs(here), self.w)

    @property
    def distance(self) -> float:
        """The Euclidean norm of the gradient."""
        return float(self.gradient.norm()) if self._finite else math.inf
