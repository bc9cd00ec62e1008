"""Steps that trust a second-order model as far as it has proved right."""

from typing import Protocol

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.move import Move
from fivefold.optimize.methods.quadratic_models import QuadraticModels, Solve, dense_models, krylov_models
from fivefold.optimize.methods.secular import model_decrease

_ROUNDS, _FAR, _ACCEPT = 60, 1e10, 1e-4


class Restraint(Protocol):
    """What keeps a step short where the model is not to be trusted, by one number for each point."""

    def first(self, w: Tensor, gradient: Tensor, values: Tensor) -> Tensor:
        """Numbers to begin with [R], at w [R, P] with gradient [R, P] and eigenvalues [R, m]."""
        ...

    def step(self, values: Tensor, coefficients: Tensor, number: Tensor) -> Tensor:
        """Steps [R, m] from eigenvalues and coefficients [R, m]."""
        ...

    def penalty(self, length: Tensor, number: Tensor) -> Tensor:
        """What is added to the quadratic at a step of that length [R]."""
        ...

    def update(
        self, number: Tensor, ratio: Tensor, length: Tensor, steepness: Tensor, error: Tensor
    ) -> Tensor:
        r"""The next numbers [R].

        Args:
            number: The present ones.
            ratio: Actual over predicted decrease; minus infinity where F was not finite.
            length: \|p\|.
            steepness: \|g\|.
            error: F at the trial minus the quadratic there; not finite where F is not.
        """
        ...


class Modelled:
    r"""A step to the minimiser of a restrained quadratic model, accepted on the decrease that it achieves.

    p minimises g.p + p.H p / 2 under the restraint; with rho = (F(w) - F(w + p)) / (what the model promised),
    p is taken where rho >= 1e-4, and the restraint loosens where rho is near 1 and tightens where it is
    small. A rejected trial is followed by a shorter one from the same model. Where the two values differ by
    no more than rounding, -p.(g + g') / 2 stands for their difference.

    Args:
        objective: F.
        restraint: A trust region or a cubic term.
        dense: Whether the Hessian is formed; otherwise it is used by products.
    """

    def __init__(self, objective: Objective, restraint: Restraint, *, dense: bool) -> None:
        self._objective, self._restraint, self._dense = objective, restraint, dense
        self._number = torch.zeros(0)
        self._origin = torch.zeros(0)

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Try steps until each point has one that is good enough, or none is left above rounding."""
        if self._number.shape[0] != w.shape[0]:
            self._number = torch.full_like(value, torch.nan)
            self._origin = w.norm(dim=-1)
        w, value, gradient = w[rows].clone(), value[rows].clone(), gradient[rows].clone()
        models, number = self._models(w, gradient, rows)
        length, unbounded = torch.zeros_like(value), torch.zeros_like(value, dtype=torch.bool)
        eps = torch.finfo(value.dtype).eps
        size, steepness = w.norm(dim=-1), gradient.norm(dim=-1)
        still, count = torch.arange(rows.shape[0], device=w.device), 0
        while still.shape[0] > 0 and count < _ROUNDS:
            lam, c, k = models.values[still], models.coefficients[still], number[still]
            s = self._restraint.step(lam, c, k)
            p = models.point(s, still)
            reach = p.norm(dim=-1)
            fall = model_decrease(lam, c, s)
            trial = w[still] + p
            new_value, new_gradient = self._objective.value_and_gradient(trial)
            count += 1
            fallen = new_value == -torch.inf
            finite = torch.isfinite(new_value) & torch.isfinite(new_gradient).all(-1)
            actual = value[still] - new_value
            noise = 64 * eps * torch.maximum(value[still].abs(), new_value.abs())
            by_slopes = -0.5 * (p * (gradient[still] + new_gradient)).sum(-1)
            actual = torch.where(actual.abs() <= noise, by_slopes, actual)
            promised = fall - self._restraint.penalty(reach, k)
            ratio = torch.where(finite & (promised > 0), actual / promised, -torch.inf)
            number[still] = self._restraint.update(k, ratio, reach, steepness[still], fall - actual)
            good = (ratio >= _ACCEPT) & (reach > 0)
            taken = still[good]
            w[taken], value[taken], gradient[taken] = trial[good], new_value[good], new_gradient[good]
            length[taken] = reach[good]
            far = good & (trial.norm(dim=-1) >= _FAR * (1 + self._origin[rows[still]]))
            unbounded[still] = fallen | (far & (new_gradient.norm(dim=-1) > 0))
            still = still[~good & ~fallen & (reach > eps * size[still])]
        self._number[rows] = number
        return Move(length, w, value, gradient, length > 0, unbounded, count)

    def _models(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[QuadraticModels, Tensor]:
        number = self._number[rows]
        new = torch.isnan(number)
        if self._dense:
            models = dense_models(self._objective, w, gradient)
            first = self._restraint.first(w, gradient, models.values)
            return models, torch.where(new, first, number)
        if bool(new.any()):
            # the scale of the curvature, from one product along the gradient
            H = [self._objective.hessian(each) @ (g / g.norm()) for each, g in zip(w, gradient, strict=True)]
            scale = torch.nan_to_num(torch.stack(H).norm(dim=-1, keepdim=True), posinf=1.0, nan=1.0)
            number = torch.where(new, self._restraint.first(w, gradient, scale), number)
        steps = [self._solver(each[None]) for each in number]
        return krylov_models(self._objective, w, gradient, steps), number

    def _solver(self, number: Tensor) -> Solve:
        return lambda values, coefficients: self._restraint.step(values, coefficients, number)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the curvature is known, and the restraint learns while it moves."""

    def reset(self, rows: Tensor) -> None:
        """Begin with a new restraint at those rows."""
        if self._number.shape[0] > 0:
            self._number[rows] = torch.nan
