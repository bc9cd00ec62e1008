"""Where to go next: the directions that a descent composes with a line search."""

import math
from typing import Protocol

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.objective.base import Expansion
from fivefold.optimize.methods.lbfgs import Memory
from fivefold.optimize.methods.move import pick
from fivefold.optimize.methods.newton import newton_direction, truncated_newton


class Direction(Protocol):
    """A rule that turns points and gradients into directions; it may learn from the steps made."""

    curvature: float
    """c2 of the line search that suits it."""

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Directions [R, P] and first steps [R] at those rows [R] of the points [B, P]."""
        ...

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Take in the steps and gradient differences, both [B, P], 0 where a point did not move."""
        ...

    def reset(self, rows: Tensor) -> None:
        """Forget what was learned at those rows [R]."""
        ...


class QuasiNewton:
    """L-BFGS over a batch of points.

    Args:
        size: Pairs kept.
    """

    curvature = 0.9
    memory: Memory
    """The pairs."""

    def __init__(self, size: int = 10) -> None:
        self.memory = Memory(size)

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """-H g; without any pair, a first step of length 1 at most, as nothing is known of the scale."""
        direction = self.memory.direction(gradient)[rows]
        length = direction.norm(dim=-1)
        cautious = torch.where(length > 1, 1 / length, 1.0)
        known = self.memory.known()
        return direction, cautious if known is None else torch.where(known[rows], 1.0, cautious)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Push the pairs."""
        self.memory.push(s, y)

    def reset(self, rows: Tensor) -> None:
        """Drop the pairs of those rows."""
        self.memory.forget(rows)


def finite_hessians(objective: Objective, w: Tensor) -> Tensor:
    """Return the dense Hessians [R, P, P] at points [R, P], the identity where one is not finite.

    >>> finite_hessians(Objective.from_function(lambda w: (w**2).sum(), torch.ones(1)), torch.ones(1, 1))
    tensor([[[2.]]])
    """
    return _finite(torch.stack([objective.hessian(point).to_dense() for point in w]))


def _finite(H: Tensor) -> Tensor:
    """Matrices [R, P, P] made symmetric, the identity where one is not finite."""
    H = 0.5 * (H + H.mT)
    # a sum tells NaN and infinities in one pass; one that overflows is looked at again
    if not math.isfinite(float(H.sum())):
        finite = torch.isfinite(H).all(-1).all(-1)
        H = torch.where(finite[:, None, None], H, torch.eye(H.shape[-1], dtype=H.dtype, device=H.device))
    return H


class DenseNewton:
    """Newton with the dense Hessian of each point."""

    curvature = 0.9

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._last: tuple[Tensor, Expansion] | None = None

    def evaluate(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """F [R] and its gradient at points [R, P]; a single point's Hessian will share their work."""
        if w.shape[0] > 1:
            return self._objective.value_and_gradient(w)
        at = self._objective.expand(w[0])
        self._last = w, at
        return at.value[None], at.gradient[None]

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """|H|^-1 downhill; the negative gradient where the Hessian is not finite."""
        w, gradient = pick(w, rows), pick(gradient, rows)
        last, self._last = self._last, None
        if last is not None and torch.equal(last[0], w):
            H = _finite(last[1].hessian().to_dense()[None])
        else:
            H = finite_hessians(self._objective, w)
        return newton_direction(H, gradient), gradient.new_ones(gradient.shape[0])

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Hessian is known."""

    def reset(self, rows: Tensor) -> None:
        """Nothing was learned."""


class TruncatedNewton:
    """Newton by conjugate gradients on Hessian products, cut short where the curvature is not positive.

    :class:`fivefold.optimize.methods.newton_cg.NewtonCG` goes on along the direction found there.
    """

    curvature = 0.9

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rough solutions, one point after the other, because their iterations end at different times."""
        found = [self._solve(w[row], gradient[row]) for row in rows.tolist()]
        return torch.stack(found), torch.ones_like(gradient[rows, 0])

    def _solve(self, w: Tensor, gradient: Tensor) -> Tensor:
        H = self._objective.hessian(w)
        solution, along = truncated_newton(lambda v: H @ v, gradient)
        return -gradient if along is not None and not bool(solution.any()) else solution

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Hessian is known."""

    def reset(self, rows: Tensor) -> None:
        """Nothing was learned."""
