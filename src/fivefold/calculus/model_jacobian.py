"""The Jacobian of a model's outputs over batches, and its tangent kernel."""

from math import prod
from typing import Any, Unpack

import torch
from torch import Tensor

from fivefold.calculus.batches import Batches
from fivefold.calculus.jacobian import JacobianOperator
from fivefold.calculus.model_operator import Model, ModelOperator, Options
from fivefold.calculus.network import Network
from fivefold.core import require
from fivefold.linalg import Adjoint, LinearOperator


class ModelJacobian(ModelOperator[JacobianOperator]):
    r"""The derivative of a model's outputs at all inputs in its parameters, at their present values.

    .. math:: J_{(i, k), j} = \partial f_k(x_i; w) / \partial w_j

    Rows come in the order of the data, the outputs of each input side by side.

    Source: Griewank & Walther 2008, "Evaluating Derivatives", chapter 3.

    Args:
        model: A module, or a function of named tensors and inputs; n inputs give n rows of outputs.
        data: ``X``, ``(X, y)``, a list of them, a ``DataLoader`` that does not shuffle, or a function that
            returns a fresh iterable at each call. Targets are not looked at.
        options: parameters, evaluation, batching, memory, retain:
            :class:`~fivefold.calculus.model_operator.Options`.

    Raises:
        ArgumentError: Something stands in the way of derivatives; the message names a way out.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> J = ModelJacobian(torch.nn.Linear(2, 1), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> J.to_dense()
    tensor([[1., 2., 1.],
            [3., 4., 1.]])
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        **options: Unpack[Options],
    ) -> None:
        self._each_row = 1
        super().__init__(
            model,
            data,
            options,
            targets=False,
            shape=self._shape,
        )
        sizes = [n * self._each_row for n in self.batches.sizes]
        self._starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]

    def _shape(self, network: Network, batches: Batches, outputs: tuple[int, ...]) -> tuple[int, int]:
        n = batches.sizes[0]
        require(
            len(outputs) >= 1 and outputs[0] == n,
            f"one row of outputs for each of the {n} inputs",
            f"outputs of shape {outputs}",
            "let the first dimension be that of the inputs",
        )
        self._each_row = prod(outputs[1:])
        return batches.rows * self._each_row, network.size

    def _part(self, X: Tensor, y: Tensor | None, number: int, *, retain: bool) -> JacobianOperator:
        network = self.network
        return JacobianOperator.trusted(
            lambda w: network(w, X),
            network.w,
            X.shape[0] * self._each_row,
            retain=retain,
            plan=self._plans[0],
            plan_back=self._plans[1],
        )

    def _matmat(self, X: Tensor) -> Tensor:
        return self._joined(lambda part, number: part @ X)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        def product(part: JacobianOperator, number: int) -> Tensor:
            rows: Tensor = part.H @ Y[..., self._starts[number] : self._starts[number + 1], :]
            return rows

        return self._summed(product)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)

    def to_dense(self) -> Tensor:
        """Return the matrix, by the cheaper of m reverse and P forward products."""
        m, P = self.shape
        if m < P:
            return self._adjoint_matmat(torch.eye(m, dtype=self.dtype, device=self.device)).mT
        return super().to_dense()


class ModelKernel(LinearOperator):
    r"""The tangent kernel of a model at all inputs, at its present parameters.

    .. math:: K = J J^\top, \qquad K_{(i, k), (j, l)} = \langle \nabla_w f_k(x_i), \nabla_w f_l(x_j) \rangle

    A product reads the data twice, and holds one vector of parameters per column between the two.

    Source: Jacot, Gabriel & Hongler 2018, "Neural tangent kernel", NeurIPS.

    Args:
        model: As for :class:`ModelJacobian`.
        data: As for :class:`ModelJacobian`.
        options: As for :class:`ModelJacobian`: parameters, evaluation, batching, memory, retain.

    Raises:
        ArgumentError: Something stands in the way of derivatives; the message names a way out.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> ModelKernel(torch.nn.Linear(2, 1), torch.tensor([[1.0, 2.0], [3.0, 4.0]])).to_dense()
    tensor([[ 6., 12.],
            [12., 26.]])
    """

    def __init__(self, model: Model, data: Any, **options: Unpack[Options]) -> None:
        self.jacobian = ModelJacobian(model, data, **options)
        m = self.jacobian.shape[0]
        super().__init__((m, m), dtype=self.jacobian.dtype, device=self.jacobian.device, positive=True)

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.jacobian @ (self.jacobian.H @ X)
        return out

    def _adjoint(self) -> "ModelKernel":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix from the Jacobian's, which costs min(m, P) products."""
        J = self.jacobian.to_dense()
        return J @ J.mT
