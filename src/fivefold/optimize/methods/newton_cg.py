"""Newton-CG that uses negative curvature: where conjugate gradients meet it, the step follows it."""

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.curvilinear_search import search_curve
from fivefold.optimize.methods.directions import TruncatedNewton
from fivefold.optimize.methods.move import Move, merge_moves
from fivefold.optimize.methods.newton import truncated_newton
from fivefold.optimize.methods.steps import Searched


class NewtonCG:
    r"""Newton by conjugate gradients on Hessian products, with a curvilinear step where H is indefinite.

    H p = -g is solved roughly (:func:`fivefold.optimize.methods.newton.truncated_newton`). Where every
    direction met has positive curvature, p is searched by the Wolfe conditions. Where d.H d <= 0 turns up,
    the step is w + t^2 s + t d, with s the solution so far, d signed downhill, and of the length
    \|g.d\| / \|d.H d\| at which the model with the curvature's sign turned has its minimum (Moré and
    Sorensen, 1979; Royer, O'Neill and Wright, "A Newton-CG algorithm with complexity guarantees", 2020). A
    step that ignored d would be as good as one of steepest descent at a saddle.

    Args:
        objective: F.

    >>> F = Objective.from_function(lambda w: w[0] ** 2 + (w[1] ** 2 - 1) ** 2, torch.ones(2))
    >>> w = torch.tensor([[0.0, 1e-3]])
    >>> NewtonCG(F).move(w, *F.value_and_gradient(w), torch.tensor([0])).value < 0.5
    tensor([True])
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._searched = Searched(objective, TruncatedNewton(objective))

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Follow the solution, or the curve where negative curvature was met."""
        w, value, gradient = w[rows], value[rows], gradient[rows]
        p, d, bent = torch.zeros_like(w), torch.zeros_like(w), torch.zeros_like(value)
        for row in range(w.shape[0]):
            H = self._objective.hessian(w[row])
            solution, along = truncated_newton(H.__matmul__, gradient[row])
            p[row] = solution
            if along is not None:
                d[row], bent[row], p[row] = self._signed(w[row], gradient[row], along, H @ along, solution)
        straight, curved = (bent == 0).nonzero()[:, 0], (bent < 0).nonzero()[:, 0]
        nothing = torch.zeros_like(value)
        end = Move(nothing, w, value, gradient, nothing > 0, nothing > 0, 0)
        if curved.shape[0] > 0:
            k = curved
            evaluate = self._objective.value_and_gradient
            found = search_curve(evaluate, w[k], value[k], gradient[k], p[k], d[k], bent[k])
            end = merge_moves(end, found, k)
            # nothing lower on the curve: the negative gradient is left
            failed = k[(found.step == 0) & ~found.unbounded]
            p[failed] = -gradient[failed]
            straight = torch.cat([straight, failed]).sort().values
        if straight.shape[0] > 0:
            k = straight
            first = torch.ones_like(value[k])
            end = merge_moves(
                end, self._searched.follow(p[k], first, w[k], value[k], gradient[k], rows[k]), k
            )
        return end

    @staticmethod
    def _signed(
        w: Tensor, g: Tensor, along: Tensor, image: Tensor, solution: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """d, d.H d and s, or zeros and the negative gradient where the curvature is 0 but not below."""
        unit = along / along.norm()
        curvature = unit @ image / along.norm()
        slope = g @ unit
        if not bool(curvature < 0):
            return torch.zeros_like(g), torch.zeros_like(slope), -g if not bool(solution.any()) else solution
        least = torch.maximum(1e-2 * (1 + w.norm()), solution.norm())
        length = torch.maximum(slope.abs() / -curvature, least)
        # capped: a curvature that is almost 0 asks for more than is known of F
        length = torch.minimum(length, 10 * (1 + w.norm()))
        d = -torch.sign(slope) * length * unit if bool(slope != 0) else length * unit
        return d, length**2 * curvature, solution

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Hessian is known."""

    def reset(self, rows: Tensor) -> None:
        """Nothing was learned."""
