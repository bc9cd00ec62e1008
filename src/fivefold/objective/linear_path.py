"""Value, gradient and curvature of a generalized linear model, written by hand, over many points at once."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from fivefold.calculus.exact_sum import exact_sum
from fivefold.objective.curvature import weighted
from fivefold.objective.linear import Linear
from fivefold.objective.linear_jacobian import LinearJacobian
from fivefold.objective.path import Path
from fivefold.objective.predictor_hessian import CurvedRows, PredictorHessian
from fivefold.objective.rows import Rows
from fivefold.objective.source import Source
from fivefold.probability import Gaussian, GaussianPrior, JointCurvature, Likelihood

__all__ = ["LinearJacobian", "LinearPath", "PredictorHessian"]


class LinearPath(Path):
    r"""The formulas of a linear model, with :math:`\bar X` the design and the intercept's column of ones.

    .. math:: \eta = \bar X w + b, \quad \nabla F = \bar X^\top g + \nabla\pi / N, \quad
              \nabla^2 F = \bar X^\top D \bar X + \nabla^2 \pi / N

    with g and D the likelihood's derivatives times weight over row count, and :math:`\pi` the prior's
    negative log density. Nothing is differentiated automatically. Where the rows come in parts, each is a
    sum over parts, in ``work``; the curvature of rows is then not kept but made again with each product.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", section 2.5.

    Args:
        model: The model.
        likelihood: The likelihood.
        source: The rows, of which inputs in float32 stay so.
        prior: With one precision per parameter of ``w``, or ``None``.
        total: N, the rows of the whole data.
        work: The dtype of everything but the inputs and ``w``: at least that of both.
    """

    def __init__(
        self,
        model: Linear,
        likelihood: Likelihood,
        source: Source,
        prior: GaussianPrior | None,
        total: float,
        work: torch.dtype,
    ) -> None:
        super().__init__(model, likelihood, prior, total)
        self._linear = model
        self.source = source
        self.work = work
        self._shared: Tensor | None = None
        self._constant: PredictorHessian | None = None
        self._kept: tuple[Tensor, Tensor | None] | None = None

    @property
    def count(self) -> int:
        """The number of rows n."""
        return self.source.count

    @property
    def rows(self) -> Rows | None:
        """All rows, where they are worked off at once."""
        return self.source.whole

    @property
    def batching(self) -> str:
        """``"matrix products"``: one over all points."""
        return "matrix products"

    def take(self, index: Tensor) -> "LinearPath":
        """Return the same objective on some of its rows, held in memory."""
        source = self.source.take(index)
        return LinearPath(self._linear, self.likelihood, source, self.prior, self.total, self.work)

    def _predicted(self, w: Tensor, rows: Rows) -> tuple[Tensor, Tensor | None]:
        """The predictors at some rows, offset included, and the likelihood's parameters, if it has any."""
        shared = w is self._shared and rows is self.source.whole
        if shared and self._kept is not None:
            return self._kept
        own, theta = w.to(self.work), None
        if self.likelihood.parameters:
            own, theta = self.split(own)
        if not shared:
            return rows.shifted(self._linear.push(own, rows.X)), theta
        K = self._linear.outputs
        if bool(own.any()):
            eta = self._linear.push(own, rows.X)
        else:  # where most descents start
            eta = own.new_zeros((rows.count, K) if K > 1 else rows.count)
        self._kept = rows.shifted(eta), theta
        return self._kept

    def predictor(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[..., n]`` or ``[..., n, K]``, offset included."""
        parts = [self._predicted(w, rows)[0].to(w.dtype) for rows in self.source]
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1 if self._linear.outputs == 1 else -2)

    def _mean(self, totals: Tensor, w: Tensor) -> Tensor:
        return (totals / self.count).to(w.dtype) + self.penalty(w)

    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""

        def total(rows: Rows) -> Tensor:
            return self._total(rows, *self._predicted(w, rows))

        return self._mean(exact_sum(total(rows) for rows in self.source), w)

    @staticmethod
    def _total(rows: Rows, eta: Tensor, theta: Tensor | None) -> Tensor:
        """The sum of the losses of some rows, ``[...]``."""
        return rows.total(rows.likelihood.negative_log_density(eta, rows.y, theta))

    def _slope(self, rows: Rows, eta: Tensor, theta: Tensor | None) -> Tensor:
        """The share of some rows in the gradient, ``[..., P]``."""
        likelihood = rows.likelihood
        errors = likelihood.gradient(eta, rows.y, theta)
        if rows.weights is None and theta is None:
            return self._linear.pull(errors, rows.X) / self.count
        a = rows.factors(eta, self.count)
        weights = a if self._linear.outputs == 1 else a[:, None]
        gradient = self._linear.pull(errors * weights, rows.X)
        if theta is None:
            return gradient
        return torch.cat([gradient, a @ likelihood.theta_gradient(eta, rows.y, theta)], dim=-1)

    def value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""
        totals: list[Tensor] = []

        def slope(rows: Rows) -> Tensor:
            eta, theta = self._predicted(w, rows)
            totals.append(self._total(rows, eta, theta))
            return self._slope(rows, eta, theta)

        gradient = exact_sum(slope(rows) for rows in self.source).to(w.dtype)
        return self._mean(exact_sum(totals), w), gradient + self.penalty_gradient(w)

    def probe(self, w: Tensor) -> None:
        """Raise what evaluating would: rows in memory need no product, as the design is known to fit."""
        rows = self.source.whole
        if rows is None:
            super().probe(w)
        else:
            K = self._linear.outputs
            eta = rows.y.new_zeros((rows.count, K) if K > 1 else rows.count, dtype=self.work)
            theta = self.split(w.to(self.work))[1] if self.likelihood.parameters else None
            self._total(rows, rows.shifted(eta), theta)

    def share(self, w: Tensor) -> None:
        """Keep the predictors at this very tensor, once made, where the rows are in memory."""
        self._shared, self._kept = w, None

    def hessian(self, w: Tensor) -> PredictorHessian:
        """Return the Hessian at points ``[..., P]``: at any single one the same where F is quadratic."""
        if self._constant is not None and w.ndim == 1:
            return self._constant

        def curvature(rows: Rows) -> JointCurvature:
            eta, theta = self._predicted(w, rows)
            return rows.likelihood.factored_curvature(eta, rows.y, theta)

        made = self._operator(curvature, w, positive=self.likelihood.convex)
        quadratic = isinstance(self.likelihood, Gaussian) and not self.likelihood.parameters
        if quadratic and w.ndim == 1 and self.source.whole is not None:
            self._constant = made
        return made

    def gauss_newton(self, w: Tensor) -> PredictorHessian:
        """Return the Gauss-Newton matrix, which for a linear model is the Hessian."""
        return self.hessian(w)

    def fisher(self, w: Tensor) -> PredictorHessian:
        """Return the expected Hessian at points ``[..., P]``."""
        return self._operator(
            lambda rows: rows.likelihood.joint_fisher(*self._predicted(w, rows)), w, positive=True
        )

    def jacobian(self, w: Tensor) -> LinearJacobian:
        """Return the derivative of the predictors, which is the design itself."""
        return LinearJacobian(
            self._linear,
            lambda: (rows.X for rows in self.source),
            self.count,
            self.likelihood.parameters,
            w,
            self.work,
        )

    def _operator(
        self, curvature: Callable[[Rows], JointCurvature], w: Tensor, *, positive: bool
    ) -> PredictorHessian:
        def curved() -> Iterator[tuple[Tensor, JointCurvature]]:
            for rows in self.source:
                a = 1 / self.count if rows.weights is None else rows.weights / self.count
                yield rows.X, weighted(curvature(rows), a)

        parts: CurvedRows = curved
        if self.source.whole is not None:  # the curvature of rows in memory is made once
            kept = list(curved())
            parts = lambda: iter(kept)  # noqa: E731
        ridge = self.ridge(w)
        return PredictorHessian(self._linear, parts, ridge, w.shape[:-1], self.work, positive=positive)
