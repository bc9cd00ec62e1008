"""Any model over rows in batches, whose shares are added in float64."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from fivefold.calculus.exact_sum import exact_sum
from fivefold.linalg import Adjoint, LinearOperator
from fivefold.objective.general_path import GeneralPath, Plans, one_point
from fivefold.objective.model import Model
from fivefold.objective.path import Path
from fivefold.objective.source import Source
from fivefold.probability import GaussianPrior, Likelihood

Parts = Callable[[], Iterator[tuple[GeneralPath, float]]]
"""Reads the data once: each batch as an objective of its own without prior, and its share of the rows."""


class BatchedPath(Path):
    r"""The mean over all rows as the weighted mean over batches, never more than one of which is worked on.

    .. math:: F(w) = \sum_b \frac{n_b}{n} F_b(w) + \frac1N \pi(w), \qquad
              \nabla^2 F = \sum_b \frac{n_b}{n} \nabla^2 F_b + \frac1N \nabla^2 \pi

    exact, as every row is in one batch; a product with an operator passes over the data. Sums over batches
    are kept in float64. A model that mixes the rows of a batch has no such sum: modules run in evaluation
    mode, in which batch statistics are fixed.
    """

    def __init__(
        self, model: Model, likelihood: Likelihood, source: Source, prior: GaussianPrior | None, total: float
    ) -> None:
        super().__init__(model, likelihood, prior, total)
        self.source = source
        self._batching = "unknown"

    @property
    def count(self) -> int:
        """The number of rows n."""
        return self.source.count

    @property
    def batching(self) -> str:
        """How points are worked off on each batch: ``"vmap"``, ``"loop"``, ``"unknown"`` before the first."""
        return self._batching

    def take(self, index: Tensor) -> "BatchedPath":
        """Return the same objective on some of its rows, held in memory."""
        return BatchedPath(self.model, self.likelihood, self.source.take(index), self.prior, self.total)

    def _parts(self) -> Iterator[tuple[GeneralPath, float]]:
        for rows in self.source:
            path = GeneralPath(self.model, self.likelihood, rows, None, self.total)
            yield path, rows.count / self.count
            if path.batching != "unknown":
                self._batching = path.batching

    def predictor(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[..., n]`` or ``[..., n, K]``, offset included."""
        along = -1 if self.likelihood.outputs == 1 else -2
        return torch.cat([path.predictor(w) for path, _ in self._parts()], dim=along)

    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""
        return exact_sum(share * path.value(w) for path, share in self._parts()).to(w) + self.penalty(w)

    def value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""

        def both(path: GeneralPath, share: float) -> Tensor:
            value, gradient = path.value_and_gradient(w)
            return share * torch.cat([value[..., None], gradient], dim=-1)

        joined = exact_sum(both(path, share) for path, share in self._parts()).to(w)
        return joined[..., 0] + self.penalty(w), joined[..., 1:] + self.penalty_gradient(w)

    def hessian(self, w: Tensor) -> "BatchSum":
        """Return the Hessian at one point."""
        return self._sum(w, GeneralPath.hessian, positive=False)

    def gauss_newton(self, w: Tensor) -> "BatchSum":
        """Return the Gauss-Newton matrix at one point."""
        return self._sum(w, GeneralPath.gauss_newton, positive=self.likelihood.convex)

    def fisher(self, w: Tensor) -> "BatchSum":
        """Return the Fisher information at one point."""
        return self._sum(w, GeneralPath.fisher, positive=True)

    def jacobian(self, w: Tensor) -> "BatchRows":
        """Return the derivative of the predictors at one point."""
        return BatchRows(self._parts, one_point(w), self.count, self.likelihood.outputs)

    def _sum(
        self, w: Tensor, of: Callable[[GeneralPath, Tensor, Plans], LinearOperator], *, positive: bool
    ) -> "BatchSum":
        return BatchSum(self._parts, one_point(w), of, self.ridge(w), positive=positive)


class BatchSum(LinearOperator):
    r"""The operator :math:`\sum_b \frac{n_b}{n} A_b + \operatorname{diag}(r)`; a product reads the data once.

    Args:
        parts: Reads the data.
        w: The point ``[P]``.
        of: Makes :math:`A_b` of a batch's objective.
        ridge: r, ``[P]``.
        positive: The maker's claim that it is positive semidefinite.
    """

    def __init__(
        self,
        parts: Parts,
        w: Tensor,
        of: Callable[[GeneralPath, Tensor, Plans], LinearOperator],
        ridge: Tensor,
        *,
        positive: bool,
    ) -> None:
        P = w.shape[0]
        super().__init__((P, P), dtype=w.dtype, device=w.device, symmetric=True, positive=positive)
        self._parts = parts
        self._w = w
        self._of = of
        self._ridge = ridge
        self._plans = Plans()

    def _added(self, product: Callable[[LinearOperator], Tensor]) -> Tensor:
        return exact_sum(
            share * product(self._of(path, self._w, self._plans)) for path, share in self._parts()
        ).to(self.dtype)

    def _matmat(self, X: Tensor) -> Tensor:
        return self._added(lambda operator: operator @ X) + self._ridge[:, None] * X

    def _adjoint(self) -> "BatchSum":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix ``[P, P]``, in one pass over the data."""
        return self._added(lambda operator: operator.to_dense()) + torch.diag(self._ridge)


class BatchRows(LinearOperator):
    r"""The operator :math:`[J_1; \dots; J_b]`; each product reads the data once.

    Args:
        parts: Reads the data.
        w: The point ``[P]``.
        rows: n.
        outputs: K, rows of J per row of the data.
    """

    def __init__(self, parts: Parts, w: Tensor, rows: int, outputs: int) -> None:
        super().__init__((rows * outputs, w.shape[0]), dtype=w.dtype, device=w.device)
        self._parts = parts
        self._w = w
        self._plans = Plans()

    def _jacobians(self) -> Iterator[LinearOperator]:
        for path, _ in self._parts():
            yield path.jacobian(self._w, self._plans)

    def _matmat(self, X: Tensor) -> Tensor:
        return torch.cat([J @ X for J in self._jacobians()], dim=-2)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        def products() -> Iterator[Tensor]:
            start = 0
            for J in self._jacobians():
                stop = start + J.shape[0]
                yield J.H @ Y[..., start:stop, :]
                start = stop

        return exact_sum(products()).to(self.dtype)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)
