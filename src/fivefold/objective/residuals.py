"""Nonlinear least squares, with its residual structure kept for Gauss-Newton."""

from collections.abc import Callable

import torch
from torch import Tensor

from fivefold.calculus import GaussNewtonOperator, JacobianOperator, Plan
from fivefold.core import require
from fivefold.linalg import Array
from fivefold.objective.function import FunctionObjective


class ResidualObjective(FunctionObjective):
    r"""Half the squared length of a vector of residuals; ``Objective.from_residuals`` makes it.

    .. math:: F(w) = \tfrac12 \lVert r(w) \rVert^2, \quad \nabla F = J^\top r, \quad G = J^\top J

    Args:
        fn: Maps ``[P]`` to the residuals ``[m]``, in torch operations.
        initial: Where to start, ``[P]``.

    Raises:
        ArgumentError: ``fn(initial)`` is not a vector.

    >>> F = ResidualObjective(lambda w: torch.stack([1 - w[0], 10 * (w[1] - w[0] ** 2)]), torch.ones(2))
    >>> F.value(torch.zeros(2)), F.gauss_newton(torch.ones(2)).to_dense()
    (tensor(0.5000), tensor([[ 401., -200.],
            [-200.,  100.]]))
    """

    def __init__(self, fn: Callable[[Tensor], Tensor], initial: Array) -> None:
        def half_square(w: Tensor) -> Tensor:
            r = fn(w)
            require(r.ndim == 1, "residuals as a vector [m]", f"shape {tuple(r.shape)}", "flatten them")
            return 0.5 * (r * r).sum()

        super().__init__(half_square, initial)
        self._residuals = fn
        self._forward, self._back = Plan(), Plan()  # what works at one point works at the next

    def residuals(self, w: Array) -> Tensor:
        """Return the residuals at one point, ``[P]`` to ``[m]``."""
        with torch.no_grad():
            return self._residuals(self._one(w))

    def jacobian(self, w: Array) -> JacobianOperator:
        """Return the Jacobian of the residuals at one point, an operator of shape ``(m, P)``."""
        return JacobianOperator(self._residuals, self._one(w), plan=self._forward, plan_back=self._back)

    def gauss_newton(self, w: Array) -> GaussNewtonOperator:
        """Return :math:`J^T J` at one point, an operator of shape ``(P, P)``."""
        return GaussNewtonOperator(self._residuals, self._one(w))

    def _one(self, w: Array) -> Tensor:
        point = self._point(w)
        require(point.ndim == 1, "one point [P]", f"shape {tuple(point.shape)}", "loop over the batch")
        return point
