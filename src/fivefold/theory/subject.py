"""What is examined: a module with its loss and data, or an objective at a point, read in one way."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from fivefold.calculus import ModelGaussNewton, ModelHessian
from fivefold.calculus.loss_curvature import LossFunction
from fivefold.calculus.model_operator import Options
from fivefold.core import require
from fivefold.linalg import LinearOperator
from fivefold.objective import DataObjective, Objective
from fivefold.probability import Likelihood

Target = torch.nn.Module | Objective
Loss = LossFunction | Likelihood
Matrix = Literal["hessian", "gauss-newton"]


@dataclass(frozen=True, eq=False)
class Subject:
    """A loss at a point, with its matrix of curvature.

    Args:
        operator: The Hessian or the Gauss-Newton matrix, ``(P, P)``.
        w: The point, ``[P]``.
        sizes: Parameters of each named block, in the order of ``w``.
        model: The operator over the module's batches, or the objective.
    """

    operator: LinearOperator
    w: Tensor
    sizes: dict[str, int]
    model: ModelHessian | ModelGaussNewton | Objective

    def value(self, w: Tensor) -> float:
        """Return the loss at ``[P]``, a sum over the batches in float64."""
        if isinstance(self.model, Objective):
            return float(self.model.value(w))
        network, loss = self.model.network, self.model.loss
        with torch.no_grad():
            return sum(float(loss.value(network(w, X), _given(y))) for X, y in self.model.batches)

    def gradient(self) -> Tensor:
        """Return the gradient of the loss at the point, ``[P]``."""
        if isinstance(self.model, Objective):
            return self.model.gradient(self.w)
        total = torch.zeros_like(self.w, dtype=torch.float64)
        network, loss = self.model.network, self.model.loss
        for X, y in self.model.batches:
            with torch.enable_grad():
                w = self.w.clone().requires_grad_()
                value = loss.value(network(w, X), _given(y))
                total += torch.autograd.grad(value, w, materialize_grads=True)[0]
        return total.to(self.w.dtype)

    def blocks(self) -> Iterator[tuple[str, slice]]:
        """Yield the name of each block and where it lies in ``w``."""
        start = 0
        for name, size in self.sizes.items():
            yield name, slice(start, start + size)
            start += size


def examine(
    target: Target,
    loss: Loss | None,
    data: Any,
    *,
    w: Tensor | None = None,
    matrix: Matrix = "hessian",
    **options: Unpack[Options],
) -> Subject:
    """Read a module with its loss and data, or an objective with its point.

    Args:
        target: A module in the mode that is meant, or an objective.
        loss: Of outputs and targets, a mean over rows; ``None`` for an objective.
        data: ``(X, y)``, a list of such pairs, a loader that does not shuffle, or a function that returns a
            fresh iterable; ``None`` for an objective.
        w: The point of an objective, ``[P]``; its initial one by default.
        matrix: ``"hessian"`` or ``"gauss-newton"``.
        options: As of :class:`~fivefold.calculus.model_operator.Options`, ``batching="loop"`` by default.

    Raises:
        ArgumentError: A loss missing or given for an objective; what stands in the way of derivatives.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> X = torch.tensor([[1.0], [2.0]])
    >>> found = examine(torch.nn.Linear(1, 1), torch.nn.MSELoss(), (X, X))
    >>> found.sizes, [[round(x, 4) for x in row] for row in found.operator.to_dense().tolist()]
    ({'weight': 1, 'bias': 1}, [[5.0, 3.0], [3.0, 2.0]])
    """
    kinds = ("hessian", "gauss-newton")
    require(matrix in kinds, f"matrix as one of {kinds}", repr(matrix))
    if isinstance(target, Objective):
        require(
            loss is None and data is None and not options,
            "an objective alone, which has its loss and data",
            "loss, data or options beside it",
        )
        return _of_objective(target, target.initial if w is None else w, matrix)
    require(
        isinstance(target, torch.nn.Module),
        "a torch.nn.Module with loss= and data=, or an Objective",
        type(target).__name__,
    )
    require(loss is not None and data is not None, "loss= and data= beside a module", "one of them missing")
    require(w is None, "a module at its own parameters", "w=", "pass w= with an objective")
    assert loss is not None
    # One column after the other: the same seed gives the same bits, and no products are spent on timing.
    options.setdefault("batching", "loop")
    made: ModelHessian | ModelGaussNewton = (
        ModelHessian(target, loss, data, **options)
        if matrix == "hessian"
        else ModelGaussNewton(target, loss, data, **options)
    )
    sizes = {name: prod(shape) for name, shape in made.network.shapes.items()}
    return Subject(made, made.network.w, sizes, made)


def _of_objective(target: Objective, w: Tensor, matrix: Matrix) -> Subject:
    point = torch.as_tensor(w).to(dtype=target.dtype, device=target.device)
    require(point.shape == (target.size,), f"one point of shape ({target.size},)", tuple(point.shape))
    if matrix == "gauss-newton":
        if not isinstance(target, DataObjective):
            require(False, "a DataObjective for the Gauss-Newton matrix", type(target).__name__)
        operator = target.gauss_newton(point)  # type: ignore[attr-defined]
    else:
        operator = target.hessian(point)
    sizes = {"w": target.size}
    if isinstance(target, DataObjective):
        sizes = {name: t.numel() for name, t in target.unravel(point).items()}
    return Subject(operator, point, sizes, target)


def _given(y: Tensor | None) -> Tensor:
    assert y is not None  # batches are read with targets
    return y
