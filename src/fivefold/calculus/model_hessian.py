"""The Hessian of a model's loss over batches."""

from typing import Any, Unpack

from torch import Tensor

from fivefold.calculus.hessian import HessianOperator
from fivefold.calculus.loss_curvature import BatchLoss, LossFunction, Reduction
from fivefold.calculus.model_operator import Model, ModelOperator, Options
from fivefold.probability import Likelihood


class ModelHessian(ModelOperator[HessianOperator]):
    r"""The Hessian of the loss of a model in its parameters, at their present values.

    .. math:: H = \nabla^2_w \sum_b c_b\, \ell(f(X_b; w), y_b)

    For one batch whose graph fits the memory bound, the graph of the gradient is built at the first product
    and kept: a product then costs about 1.5 gradients. Otherwise forward mode over reverse mode, and
    reverse over reverse where an operation has no forward derivative.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian", Neural Computation 6.

    Args:
        model: A module, or a function of named tensors and inputs.
        loss: A function of outputs and targets with one value, or a likelihood.
        data: ``(X, y)``, a list of such pairs, a ``DataLoader`` that does not shuffle, or a function that
            returns a fresh iterable at each call.
        theta: The likelihood's own parameters, held fixed.
        reduction: ``"mean"`` or ``"sum"`` over rows; batches are weighted so that the whole is meant.
        options: parameters, evaluation, batching, memory, retain:
            :class:`~fivefold.calculus.model_operator.Options`.

    Raises:
        ArgumentError: Something stands in the way of derivatives; the message names a way out.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> import torch
    >>> X = torch.tensor([[1.0], [2.0]])
    >>> H = ModelHessian(torch.nn.Linear(1, 1), torch.nn.MSELoss(), (X, X))
    >>> H.to_dense()
    tensor([[5., 3.],
            [3., 2.]])
    """

    def __init__(
        self,
        model: Model,
        loss: LossFunction | Likelihood,
        data: Any,
        *,
        theta: Tensor | None = None,
        reduction: Reduction = "mean",
        **options: Unpack[Options],
    ) -> None:
        BatchLoss(loss, reduction, 1, theta)  # refuse a bad loss before the data are read
        super().__init__(
            model,
            data,
            options,
            targets=True,
            shape=lambda network, batches, outputs: (network.size, network.size),
            symmetric=True,
        )
        self.loss = BatchLoss(loss, reduction, self.batches.rows, theta)

    def _part(self, X: Tensor, y: Tensor | None, number: int, *, retain: bool) -> HessianOperator:
        assert y is not None
        network, loss = self.network, self.loss
        return HessianOperator.trusted(
            lambda w: loss.value(network(w, X), y), network.w, retain=retain, plan=self._plans[0]
        )

    def _matmat(self, X: Tensor) -> Tensor:
        return self._summed(lambda part, number: part @ X)

    def _adjoint(self) -> "ModelHessian":
        return self
