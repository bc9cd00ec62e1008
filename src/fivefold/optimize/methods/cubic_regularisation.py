"""Adaptive cubic regularisation: the model carries a cubic term that bounds what it leaves out."""

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.model_step import Modelled
from fivefold.optimize.methods.secular import cubic_step


class Cube:
    r"""The restraint sigma \|p\|^3 / 3.

    sigma stands for half the Lipschitz constant of the Hessian. It begins at a tenth of \|H\| / max(1,
    \|w\|), falls by a factor of 10 where rho > 0.9, and where rho < 0.1 rises to what would have made the
    model equal F at the trial, at least twofold. Cartis, Gould and Toint, "Adaptive cubic regularisation
    methods for unconstrained optimization", 2011; Gould, Porcelli and Toint, 2012, for the rise.

    >>> cube, one = Cube(), torch.ones(1)
    >>> cube.update(one, ratio=-one, length=one, steepness=one, error=4 * one).tolist()
    [12.0]
    """

    def first(self, w: Tensor, gradient: Tensor, values: Tensor) -> Tensor:
        r"""0.1 \|H\| / max(1, \|w\|), and where the curvature is 0, \|g\| / max(1, \|w\|)^2."""
        size = w.norm(dim=-1).clamp_min(1.0)
        bend = values.abs().amax(-1)
        flat = gradient.norm(dim=-1) / size**2
        sigma = torch.where(bend > 0, 0.1 * bend / size, flat)
        return sigma.clamp_min(torch.finfo(w.dtype).tiny)

    def step(self, values: Tensor, coefficients: Tensor, number: Tensor) -> Tensor:
        """The global minimiser of the cubic model."""
        return cubic_step(values, coefficients, number)

    def penalty(self, length: Tensor, number: Tensor) -> Tensor:
        r"""Sigma \|p\|^3 / 3."""
        return number * length**3 / 3

    def update(
        self, number: Tensor, ratio: Tensor, length: Tensor, steepness: Tensor, error: Tensor
    ) -> Tensor:
        """Fall tenfold, keep, or rise to what the error asks for."""
        tiny = torch.finfo(number.dtype).tiny
        cube = (length**3).clamp_min(tiny)
        asked = torch.where(torch.isfinite(error), 3 * error / cube, 0.0)
        # F was not finite: a quarter of the length, if the gradient alone decided it
        quarter = 16 * steepness / (length**2).clamp_min(tiny)
        asked = torch.where(torch.isfinite(ratio), asked, torch.maximum(quarter, 2 * number))
        risen = torch.maximum(2 * number, asked).clamp_max(torch.finfo(number.dtype).max ** 0.5)
        fallen = (0.1 * number).clamp_min(tiny**0.5)
        return torch.where(ratio < 0.1, risen, torch.where(ratio > 0.9, fallen, number))


def cubic_regularisation(objective: Objective, *, dense: bool) -> Modelled:
    """Make the step of adaptive cubic regularisation.

    Args:
        objective: F.
        dense: Whether the model is the dense Hessian's, minimised exactly by its eigenvectors, or that on the
            Krylov space of Hessian products.

    >>> F = Objective.from_function(lambda w: (w**4).sum(), torch.ones(2))
    >>> w = torch.full((1, 2), 3.0)
    >>> move = cubic_regularisation(F, dense=True).move(w, *F.value_and_gradient(w), torch.tensor([0]))
    >>> float(move.value) < 60
    True
    """
    return Modelled(objective, Cube(), dense=dense)
