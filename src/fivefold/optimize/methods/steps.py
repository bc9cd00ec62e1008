"""How a batch of points moves: the protocol of a step, and its commonest form, a direction with a search."""

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor
from torch.linalg import vector_norm

from fivefold.objective import Objective
from fivefold.optimize.methods.directions import Direction
from fivefold.optimize.methods.line_search import Evaluate, search_wolfe
from fivefold.optimize.methods.move import Move, pick


class Step(Protocol):
    """A rule that moves points; it may learn from the moves made.

    A step that rejects a trial (a trust region) tries again inside ``move``, until it has a point to go to
    or none: a descent takes a move of length 0 for a stall.
    """

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Move the rows [R] of the points w [B, P], where F is value [B] and its gradient [B, P].

        Returns:
            A move whose tensors have R rows.
        """
        ...

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Take in the steps made and the gradient differences, both [B, P], 0 where a point stayed."""
        ...

    def reset(self, rows: Tensor) -> None:
        """Forget what was learned at those rows [R]: the descent moved them by other means."""
        ...


class Searched:
    """A direction with the strong Wolfe search; where that finds nothing lower, the negative gradient.

    Args:
        objective: F.
        direction: The rule for directions.
        evaluate: Another way to F and its gradient, from which the direction learns; the objective's own by
            default.
    """

    def __init__(self, objective: Objective, direction: Direction, evaluate: Evaluate | None = None) -> None:
        self._objective, self._own_way = objective, evaluate
        self.direction = direction

    @property
    def evaluate(self) -> Evaluate:
        """F and its gradient at points [R, P], as the direction would have them."""
        return self._objective.value_and_gradient if self._own_way is None else self._own_way

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Search along the direction, and where that finds nothing lower, along the negative gradient."""
        p, first = self.direction.find(w, gradient, rows)
        return self.follow(p, first, pick(w, rows), pick(value, rows), pick(gradient, rows), rows)

    def follow(
        self, p: Tensor, first: Tensor, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor
    ) -> Move:
        """Search along p [R, P] with first steps [R], at points, values and gradients of those rows alone."""
        norm, length = vector_norm(gradient, dim=-1), vector_norm(p, dim=-1)
        # a direction at a right angle to the gradient, up to rounding, is none; nor is one that is not finite
        good = (gradient * p).sum(-1) < -1e-12 * norm * length
        if not all((good & torch.isfinite(length)).tolist()):
            good &= torch.isfinite(p).all(-1)
            p = torch.where(good[:, None], p, -gradient)
            first = torch.where(good, first, 1 / norm.clamp_min(1.0))
        evaluate = self.evaluate
        end = search_wolfe(evaluate, w, value, gradient, p, first, curvature=self.direction.curvature)
        if all((end.found | end.unbounded).tolist()):
            return end
        again = ((end.step == 0) & ~end.unbounded).nonzero()[:, 0]
        if again.shape[0] == 0:
            return end
        self.direction.reset(rows[again])
        g = gradient[again]
        second = search_wolfe(evaluate, w[again], value[again], g, -g, 1 / norm[again].clamp_min(1.0))
        for name in ("step", "w", "value", "gradient", "found", "unbounded"):
            getattr(end, name)[again] = getattr(second, name)
        return replace(end, evaluations=end.evaluations + second.evaluations)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Hand the pairs to the direction."""
        self.direction.learn(s, y)

    def reset(self, rows: Tensor) -> None:
        """Let the direction forget."""
        self.direction.reset(rows)
