"""Trust regions: the quadratic model is minimised in a ball that grows and shrinks with its success."""

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.model_step import Modelled
from fivefold.optimize.methods.secular import ball_step


class Ball:
    r"""The restraint \|p\| <= radius.

    The radius begins at max(1, \|w\|), falls to a quarter of the step where rho < 1/4, and doubles where
    rho > 3/4 and the step reached the border: Nocedal and Wright, "Numerical Optimization", 2006, algorithm
    4.1.

    >>> ball, one = Ball(), torch.ones(1)
    >>> ball.update(one, ratio=one, length=one, steepness=one, error=one).tolist()
    [2.0]
    """

    def first(self, w: Tensor, gradient: Tensor, values: Tensor) -> Tensor:
        r"""max(1, \|w\|)."""
        del gradient, values
        radius: Tensor = w.norm(dim=-1).clamp_min(1.0)
        return radius

    def step(self, values: Tensor, coefficients: Tensor, number: Tensor) -> Tensor:
        """The model's minimiser in the ball."""
        return ball_step(values, coefficients, number)

    def penalty(self, length: Tensor, number: Tensor) -> Tensor:
        """None within the ball."""
        del number
        return torch.zeros_like(length)

    def update(
        self, number: Tensor, ratio: Tensor, length: Tensor, steepness: Tensor, error: Tensor
    ) -> Tensor:
        """Shrink to a quarter of the step, keep, or double."""
        del steepness, error
        grown = torch.where((ratio > 0.75) & (length >= 0.99 * number), 2 * number, number)
        return torch.where(ratio < 0.25, 0.25 * length, grown)


def trust_region(objective: Objective, *, dense: bool) -> Modelled:
    """Make the step of a trust-region method.

    Args:
        objective: F.
        dense: Whether the model is the dense Hessian's, minimised exactly (Moré and Sorensen, 1983), or that
            on the Krylov space of Hessian products (generalised Lanczos: Gould et al., 1999).

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(2))
    >>> w = torch.full((1, 2), 3.0)
    >>> trust_region(F, dense=True).move(w, *F.value_and_gradient(w), torch.tensor([0])).value.tolist()
    [0.0]
    """
    return Modelled(objective, Ball(), dense=dense)
