"""The derivative of a linear model's predictors as an operator: the design itself."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from fivefold.calculus.exact_sum import exact_sum
from fivefold.linalg import Adjoint, LinearOperator
from fivefold.objective.gram import CHUNK
from fivefold.objective.linear import Linear
from fivefold.objective.mixed import pieces

Design = Callable[[], Iterator[Tensor]]
"""Reads the inputs ``[n_b, p]`` once, part by part."""


class LinearJacobian(LinearOperator):
    r"""The derivative of the predictors of a linear model, rows :math:`(\eta_{11}, \ldots, \eta_{nK})`.

    Args:
        model: The linear model.
        parts: Reads the inputs.
        rows: n.
        parameters: q, the likelihood's parameters, whose columns are zero.
        like: A tensor of the operator's dtype and device.
        work: The dtype of products and sums.
    """

    def __init__(
        self, model: Linear, parts: Design, rows: int, parameters: int, like: Tensor, work: torch.dtype
    ) -> None:
        shape = (rows * model.outputs, model.size + parameters)
        super().__init__(shape, dtype=like.dtype, device=like.device)
        self._model = model
        self._parts = parts
        self._rows = rows
        self._parameters = parameters
        self._work = work

    def row_norms(self) -> Tensor:
        r"""Return :math:`\|\bar x_i\|` of every row of the design, ``[n]``."""
        norms = torch.cat(
            [
                torch.linalg.vector_norm(rows, dim=1)
                for inputs in self._parts()
                for rows in pieces(inputs, self._work)
            ]
        )
        norms = torch.hypot(norms, torch.ones_like(norms)) if self._model.intercept else norms
        return norms.to(self.dtype)

    def column_squares(self) -> Tensor:
        r"""Return the mean of :math:`\bar x_{ij}^2` over the rows, for each column of the design."""
        means = exact_sum(self._squares(inputs) for inputs in self._parts()) / self._rows
        means = torch.cat([means, means.new_ones(1)]) if self._model.intercept else means
        return means.to(self.dtype)

    def _squares(self, inputs: Tensor) -> Tensor:
        n, p = inputs.shape
        step = max(1, CHUNK // p)
        sums = inputs.new_zeros(p, dtype=self._work)
        for start in range(0, n, step):
            sums += inputs[start : start + step].to(self._work).square().sum(0)
        return sums

    def _matmat(self, X: Tensor) -> Tensor:
        w = X.mT[..., : self._model.size].to(self._work)
        parts = [self._model.push(w, inputs).to(X.dtype) for inputs in self._parts()]
        if self._model.outputs > 1:
            parts = [eta.flatten(-2) for eta in parts]
        return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)).mT

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        K = self._model.outputs
        eta = Y.mT if K == 1 else Y.mT.reshape(*Y.mT.shape[:-1], -1, K)
        along = -1 if K == 1 else -2

        def products() -> Iterator[Tensor]:
            start = 0
            for inputs in self._parts():
                piece = eta.narrow(along, start, inputs.shape[0])
                yield self._model.pull(piece.to(self._work), inputs)
                start += inputs.shape[0]

        back = exact_sum(products()).to(Y.dtype)
        return torch.cat([back, back.new_zeros(*back.shape[:-1], self._parameters)], dim=-1).mT

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)
