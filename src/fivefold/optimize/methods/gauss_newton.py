"""Gauss-Newton's direction, for a line search: the step that solves the linearised least squares."""

import torch
from torch import Tensor

from fivefold.objective import DataObjective, Objective, ResidualObjective
from fivefold.optimize.methods.linear_curvature import Curved
from fivefold.optimize.methods.linear_residuals import linearize_residuals
from fivefold.optimize.methods.linearization import Linearizations, Linearize
from fivefold.optimize.methods.steps import Searched


class GaussNewton:
    r"""The shortest of the steps p that minimise :math:`|J p + r|`, or :math:`p^\top G p / 2 + g^\top p`.

    Fast where the residuals are small or nearly linear, and lost where J loses rank on the way: there
    Levenberg-Marquardt is safer. Nocedal and Wright, "Numerical Optimization", 2006, section 10.3.

    Args:
        linearize: A point [P] to F around it.
        angles: Whether its distances are angles, without units; otherwise the gradient's norm is meant.
    """

    curvature = 0.9

    def __init__(self, linearize: Linearize, *, angles: bool = False) -> None:
        self.known = Linearizations(linearize)
        self.angles = angles

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Solve at each of the rows; the first step of the search is the whole of it."""
        self.known.keep(w)
        p = torch.stack([self.known.around(w[row]).shortest() for row in rows.tolist()])
        return p, torch.ones_like(p[:, 0])

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Jacobian is known."""

    def reset(self, rows: Tensor) -> None:
        """Nothing was learned."""


def gauss_newton(objective: Objective) -> Searched:
    """Gauss-Newton with the strong Wolfe search, for residuals or for a data objective.

    >>> F = Objective.from_residuals(lambda w: w - 1, torch.zeros(2, dtype=torch.float64))
    >>> w = F.initial[None]
    >>> gauss_newton(F).move(w, *F.value_and_gradient(w), torch.tensor([0])).w
    tensor([[1., 1.]], dtype=torch.float64)
    """
    if isinstance(objective, ResidualObjective):
        return Searched(objective, GaussNewton(lambda w: linearize_residuals(objective, w), angles=True))
    assert isinstance(objective, DataObjective)
    return Searched(
        objective, GaussNewton(lambda w: Curved(objective, objective.gauss_newton, w, scaled=True))
    )
