"""Value, gradient and curvature of any model, by automatic differentiation."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fivefold.calculus import GaussNewtonOperator, HessianOperator, JacobianOperator, value_and_gradient
from fivefold.calculus.fallback import Way, first_that_works
from fivefold.calculus.plan import Plan
from fivefold.core import require
from fivefold.linalg import Diagonal, LinearOperator
from fivefold.objective.curvature import PredictorCurvature, weighted
from fivefold.objective.model import Model
from fivefold.objective.path import Path
from fivefold.objective.rows import Rows
from fivefold.probability import GaussianPrior, JointCurvature, Likelihood


@dataclass(frozen=True, eq=False, slots=True)
class Plans:
    """How columns of Hessian, Jacobian and adjoint are worked off; the parts of a sum share them."""

    hessian: Plan = field(default_factory=Plan)
    jacobian: Plan = field(default_factory=Plan)
    adjoint: Plan = field(default_factory=Plan)


class GeneralPath(Path):
    r"""A model known only by its forward pass; batches are mapped, or looped over where they cannot be.

    .. math:: G = J^\top C J + \nabla^2 \pi / N, \qquad J = \frac{\partial (\eta, \theta)}{\partial w}

    with C the hand-written curvature of the likelihood. Hessian, Gauss-Newton, Fisher and Jacobian are taken
    at one point.

    Raises:
        ArgumentError: The model's output does not fit the likelihood.
    """

    def __init__(
        self, model: Model, likelihood: Likelihood, rows: Rows, prior: GaussianPrior | None, total: float
    ) -> None:
        super().__init__(model, likelihood, prior, total)
        self.rows = rows
        self._derivative = value_and_gradient(self._value_at)

    @property
    def count(self) -> int:
        """The number of rows n."""
        return self.rows.count

    @property
    def batching(self) -> str:
        """How a batch of points is worked off: ``"vmap"``, ``"loop"``, ``"unknown"`` before the first."""
        return self._derivative.batching

    def take(self, index: Tensor) -> "GeneralPath":
        """Return the same objective on some of its rows."""
        return GeneralPath(self.model, self.likelihood, self.rows.take(index), self.prior, self.total)

    def _predictor_at(self, w: Tensor) -> Tensor:
        K = self.likelihood.outputs
        eta = self.model.squeeze(self.model.predictor(self.split(w)[0], self.rows.X), K)
        shape = (self.rows.count,) if K == 1 else (self.rows.count, K)
        require(
            tuple(eta.shape) == shape,
            f"a model output of shape {shape} for the {self.likelihood.name} likelihood",
            f"shape {tuple(eta.shape)}",
            "change the model's last layer, or the likelihood",
        )
        return self.rows.shifted(eta)

    def _value_at(self, w: Tensor) -> Tensor:
        rows = self.rows
        losses = rows.likelihood.negative_log_density(self._predictor_at(w), rows.y, self.split(w)[1])
        return rows.mean(losses) + self.penalty(w)

    def predictor(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[..., n]`` or ``[..., n, K]``, offset included."""
        with torch.no_grad():
            if w.ndim == 1:
                return self._predictor_at(w)
            flat = w.reshape(-1, w.shape[-1])
            ways = [
                Way("value", "vmap", torch.func.vmap(self._predictor_at)),
                Way("value", "loop", lambda x: torch.stack([self._predictor_at(row) for row in x])),
            ]
            eta = first_that_works(ways, flat[:1]).run(flat)
            return eta.reshape(*w.shape[:-1], *eta.shape[1:])

    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""
        return self._derivative.value(w)

    def value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""
        return self._derivative(w)

    def hessian(self, w: Tensor, plans: Plans | None = None) -> HessianOperator:
        """Return the Hessian at one point."""
        return HessianOperator.trusted(self._value_at, one_point(w), plan=(plans or Plans()).hessian)

    def gauss_newton(self, w: Tensor, plans: Plans | None = None) -> LinearOperator:
        """Return the Gauss-Newton matrix at one point."""
        eta, theta = self.predictor(one_point(w)), self.split(w)[1]
        curvature = self.rows.likelihood.joint_curvature(eta, self.rows.y, theta)
        return self._operator(curvature, w, plans, positive=self.likelihood.convex)

    def fisher(self, w: Tensor, plans: Plans | None = None) -> LinearOperator:
        """Return the Fisher information at one point."""
        curvature = self.rows.likelihood.joint_fisher(self.predictor(one_point(w)), self.split(w)[1])
        return self._operator(curvature, w, plans, positive=True)

    def jacobian(self, w: Tensor, plans: Plans | None = None) -> JacobianOperator:
        """Return the derivative of the predictors at one point."""
        plans = plans or Plans()
        outputs = self.rows.count * self.likelihood.outputs
        return JacobianOperator.trusted(
            self._predictor_at, one_point(w), outputs, plan=plans.jacobian, plan_back=plans.adjoint
        )

    def _operator(
        self, curvature: JointCurvature, w: Tensor, plans: Plans | None, *, positive: bool
    ) -> LinearOperator:
        plans = plans or Plans()
        rows = weighted(curvature, self.rows.factors(w, self.rows.count))
        C = PredictorCurvature(rows, positive=positive)
        J = JacobianOperator.trusted(
            self._outputs_at, w, C.shape[0], plan=plans.jacobian, plan_back=plans.adjoint
        )
        operator = GaussNewtonOperator.of(J, C)
        return operator if self.prior is None else operator + Diagonal(self.ridge(w))

    def _outputs_at(self, w: Tensor) -> Tensor:
        return torch.cat([self._predictor_at(w).reshape(-1), self.split(w)[1]])


def one_point(w: Tensor) -> Tensor:
    """Refuse a batch of points.

    >>> one_point(torch.ones(2))
    tensor([1., 1.])
    """
    require(
        w.ndim == 1,
        "one point [P] for the curvature of a general model",
        f"shape {tuple(w.shape)}",
        "loop over the batch",
    )
    return w
