"""Value, gradient and curvature of a generalized linear model, written by hand, over many points at once."""

import torch
from torch import Tensor

from fivefold.linalg import Adjoint, LinearOperator
from fivefold.objective.curvature import apply_curvature, weighted
from fivefold.objective.gram import CHUNK, weighted_gram
from fivefold.objective.linear import Linear
from fivefold.objective.path import Path
from fivefold.objective.rows import Rows
from fivefold.probability import GaussianPrior, JointCurvature, Likelihood


class LinearPath(Path):
    r"""The formulas of a linear model, with :math:`\bar X` the design and the intercept's column of ones.

    .. math:: \eta = \bar X w + b, \quad \nabla F = \bar X^\top g + \nabla\pi / N, \quad
              \nabla^2 F = \bar X^\top D \bar X + \nabla^2 \pi / N

    with g and D the likelihood's derivatives times weight over row count, and :math:`\pi` the prior's
    negative log density. Nothing is differentiated automatically.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", section 2.5.
    """

    @property
    def batching(self) -> str:
        """``"matrix products"``: one over all points."""
        return "matrix products"

    def __init__(
        self, model: Linear, likelihood: Likelihood, rows: Rows, prior: GaussianPrior | None, total: float
    ) -> None:
        super().__init__(model, likelihood, rows, prior, total)
        self._linear = model

    def take(self, index: Tensor) -> "LinearPath":
        """Return the same objective on some of its rows."""
        likelihood = self.likelihood.take(index)
        return LinearPath(self._linear, likelihood, self.rows.take(index), self.prior, self.total)

    def predictor(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[..., n]`` or ``[..., n, K]``, offset included."""
        return self.rows.shifted(self._linear.push(self.split(w)[0], self.rows.X))

    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""
        losses = self.likelihood.negative_log_density(self.predictor(w), self.rows.y, self.split(w)[1])
        return self.rows.mean(losses) + self.penalty(w)

    def value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""
        theta = self.split(w)[1]
        eta, y = self.predictor(w), self.rows.y
        value = self.rows.mean(self.likelihood.negative_log_density(eta, y, theta)) + self.penalty(w)
        a = self.rows.factors(eta)
        slope = self.likelihood.gradient(eta, y, theta) * (a if self._linear.outputs == 1 else a[:, None])
        gradient = self._linear.pull(slope, self.rows.X)
        if self.likelihood.parameters:
            own = self.likelihood.theta_gradient(eta, y, theta)
            gradient = torch.cat([gradient, a @ own], dim=-1)
        return value, gradient + self.penalty_gradient(w)

    def hessian(self, w: Tensor) -> "PredictorHessian":
        """Return the Hessian at points ``[..., P]``."""
        curvature = self.likelihood.joint_curvature(self.predictor(w), self.rows.y, self.split(w)[1])
        return self._operator(curvature, w, positive=self.likelihood.convex)

    def gauss_newton(self, w: Tensor) -> "PredictorHessian":
        """Return the Gauss-Newton matrix, which for a linear model is the Hessian."""
        return self.hessian(w)

    def fisher(self, w: Tensor) -> "PredictorHessian":
        """Return the expected Hessian at points ``[..., P]``."""
        curvature = self.likelihood.joint_fisher(self.predictor(w), self.split(w)[1])
        return self._operator(curvature, w, positive=True)

    def jacobian(self, w: Tensor) -> "LinearJacobian":
        """Return the derivative of the predictors, which is the design itself."""
        return LinearJacobian(self._linear, self.rows.X, self.likelihood.parameters)

    def _operator(self, curvature: JointCurvature, w: Tensor, *, positive: bool) -> "PredictorHessian":
        rows = weighted(curvature, self.rows.factors(w))
        return PredictorHessian(self._linear, self.rows.X, rows, self.ridge(w), positive=positive)


class PredictorHessian(LinearOperator):
    r"""The operator :math:`\bar X^\top D \bar X + \operatorname{diag}(r)`, over a batch of points.

    A product costs two products with the design; :meth:`to_dense` forms the matrix directly, by weighted
    Gram matrices.

    Args:
        model: The linear model.
        X: The inputs ``[n, p]``.
        curvature: D of each row, with the mixed parts where the likelihood has own parameters.
        ridge: r, ``[P]``.
        positive: The maker's claim that it is positive semidefinite.
    """

    def __init__(
        self, model: Linear, X: Tensor, curvature: JointCurvature, ridge: Tensor, *, positive: bool
    ) -> None:
        P = ridge.shape[0]
        batch = curvature.theta.shape[:-3]
        super().__init__((*batch, P, P), dtype=X.dtype, device=X.device, symmetric=True, positive=positive)
        self._model = model
        self._inputs = X
        self._curvature = curvature
        self._ridge = ridge

    def _matmat(self, X: Tensor) -> Tensor:
        rows = X.mT
        size = self._model.size
        eta = self._model.push(rows[..., :size], self._inputs)
        out, own = apply_curvature(self._curvature, eta, rows[..., size:])
        back = self._model.pull(out, self._inputs)
        return torch.cat([back, own], dim=-1).mT + self._ridge[:, None] * X

    def _adjoint(self) -> "PredictorHessian":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix ``[..., P, P]``, by weighted Gram matrices and not by products."""
        block = self._blocks()
        q = self._curvature.theta.shape[-1]
        if q:
            cross = self._curvature.cross
            # [..., n, (K), q] with the q columns as a batch: pull maps the rows to parameters.
            cross = cross.movedim(-1, -2 if self._model.outputs == 1 else -3)
            edge = self._model.pull(cross, self._inputs)
            own = self._curvature.theta.sum(-3)
            block = torch.cat([torch.cat([block, edge.mT], dim=-1), torch.cat([edge, own], dim=-1)], dim=-2)
        return block + torch.diag(self._ridge)

    @property
    def ridge(self) -> Tensor:
        """r, ``[P]``: the prior's share."""
        return self._ridge

    def kronecker(self) -> tuple[Tensor, Tensor]:
        r"""Return C ``[K, K]`` and A ``[p + 1, p + 1]`` with :math:`C \otimes A` near the data's share.

        .. math:: C = \sum_i D_i, \qquad A = \sum_i t_i\, \bar x_i \bar x_i^\top / \sum_i t_i, \quad
                  t_i = \operatorname{tr} D_i

        Equal to it for one output, and where all :math:`D_i` are multiples of one matrix, as at w = 0. The
        features' order is X's, the intercept last. At one point, where no curvature is zero everywhere.

        Source: Martens & Grosse 2015, "Optimizing neural networks with Kronecker-factored approximate
        curvature", for one layer.
        """
        D = self._curvature.eta
        if self._model.outputs == 1:
            return D.sum().reshape(1, 1), self._gram(D) / D.sum()
        traces = D.diagonal(dim1=-2, dim2=-1).sum(-1)
        return D.sum(-3), self._gram(traces) / traces.sum()

    def least_between_classes(self) -> Tensor:
        r"""Return :math:`\sum_i \min_k D_{ikk}\, \bar x_i \bar x_i^\top`, ``[p + 1, p + 1]``, of scores.

        :math:`D_{ikk} = a_i p_{ik} (1 - p_{ik}) \le a_i p_{ik}`, so no direction in which the scores' mean
        stays has less curvature.
        """
        return self._gram(self._curvature.eta.diagonal(dim1=-2, dim2=-1).amin(-1))

    def _gram(self, d: Tensor) -> Tensor:
        """Weighted Gram matrices of the design, ``[..., n]`` to ``[..., p + 1, p + 1]``."""
        X = self._inputs
        core = weighted_gram(X, d)
        if not self._model.intercept:
            return core
        edge = (d @ X)[..., None]
        right = torch.cat([edge, d.sum(-1)[..., None, None]], dim=-2)
        return torch.cat([torch.cat([core, edge.mT], dim=-2), right], dim=-1)

    def _blocks(self) -> Tensor:
        D, K = self._curvature.eta, self._model.outputs
        if K == 1:
            return self._gram(D)
        k, l = torch.triu_indices(K, K, device=D.device)  # noqa: E741
        grams = self._gram(D[..., k, l].movedim(-1, -2))
        width = grams.shape[-1]
        full = grams.new_zeros((*grams.shape[:-3], K, K, width, width))
        full[..., k, l, :, :] = grams
        full[..., l, k, :, :] = grams
        # [k, l, i, j] -> [k, i, (l, j) in the order of w] -> [(l, j), (k, i) in the order of w].
        half = self._model.from_blocks(full.transpose(-3, -2))
        return self._model.from_blocks(half.movedim(-1, -3))


class LinearJacobian(LinearOperator):
    r"""The derivative of the predictors of a linear model, rows :math:`(\eta_{11}, \ldots, \eta_{nK})`.

    Args:
        model: The linear model.
        X: The inputs ``[n, p]``.
        parameters: q, the likelihood's parameters, whose columns are zero.
    """

    def __init__(self, model: Linear, X: Tensor, parameters: int) -> None:
        shape = (X.shape[0] * model.outputs, model.size + parameters)
        super().__init__(shape, dtype=X.dtype, device=X.device)
        self._model = model
        self._inputs = X
        self._parameters = parameters

    def row_norms(self) -> Tensor:
        r"""Return :math:`\|\bar x_i\|` of every row of the design, ``[n]``."""
        norms: Tensor = torch.linalg.vector_norm(self._inputs, dim=1)
        return torch.hypot(norms, torch.ones_like(norms)) if self._model.intercept else norms

    def column_squares(self) -> Tensor:
        r"""Return the mean of :math:`\bar x_{ij}^2` over the rows, for each column of the design."""
        X = self._inputs
        n, p = X.shape
        step = max(1, CHUNK // p)
        sums = X.new_zeros(p)
        for start in range(0, n, step):
            sums += X[start : start + step].square().sum(0)
        return torch.cat([sums / n, sums.new_ones(1)]) if self._model.intercept else sums / n

    def _matmat(self, X: Tensor) -> Tensor:
        eta = self._model.push(X.mT[..., : self._model.size], self._inputs)
        return (eta if self._model.outputs == 1 else eta.flatten(-2)).mT

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        K = self._model.outputs
        eta = Y.mT if K == 1 else Y.mT.reshape(*Y.mT.shape[:-1], -1, K)
        back = self._model.pull(eta, self._inputs)
        return torch.cat([back, back.new_zeros(*back.shape[:-1], self._parameters)], dim=-1).mT

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)
