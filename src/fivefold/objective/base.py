"""What the whole house works on: a scaled negative log density of one parameter vector."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fivefold.core import ArgumentError, require
from fivefold.linalg import Array, LinearOperator
from fivefold.linalg.arrays import to_tensor

if TYPE_CHECKING:
    from fivefold.objective.function import FunctionObjective
    from fivefold.objective.oracle import OracleObjective, Product, ValueAndGradient
    from fivefold.objective.residuals import ResidualObjective


@dataclass(frozen=True, eq=False, slots=True)
class Expansion:
    """An objective around one point.

    Args:
        value: F there, ``[]``.
        gradient: Its gradient, ``[P]``.
        hessian: Makes the Hessian there, from what the value and the gradient have left.
    """

    value: Tensor
    gradient: Tensor
    hessian: Callable[[], LinearOperator]


class Objective(ABC):
    r"""A function of one vector of parameters, with its derivatives.

    .. math:: F(w) = -\frac{\log p(y \mid w) + \log p(w)}{\text{scale}}

    constants included. Without data, :math:`F` is the function itself and the scale is 1. Inference samples
    :math:`\exp(-\text{scale}\, F)`.

    Implementers write ``_value``, ``_value_and_gradient`` and ``_hessian``; they receive checked points.

    Args:
        initial: Where to start, shape ``[P]``; its dtype and device are those of every point.
        scale: What the negative log density was divided by; N for data.

    Raises:
        ArgumentError: ``initial`` is not a finite vector.

    >>> F = Objective.from_function(lambda w: (w**2).sum() / 2, torch.tensor([3.0, 4.0]))
    >>> F.value(F.initial), F.value_and_gradient(torch.ones(5, 2))[1].shape
    (tensor(12.5000), torch.Size([5, 2]))
    >>> F.hessian(F.initial).to_dense()
    tensor([[1., 0.],
            [0., 1.]])
    """

    def __init__(self, initial: Array, *, scale: float = 1.0) -> None:
        self._initial = to_tensor(initial, "the initial point", dims=(1,)).detach()
        require(0 < scale < float("inf"), "a positive, finite scale", scale)
        self._scale = float(scale)

    @property
    def size(self) -> int:
        """The number of parameters P."""
        return self._initial.shape[0]

    @property
    def initial(self) -> Tensor:
        """Where to start, shape ``[P]``; a copy."""
        return self._initial.clone()

    @property
    def scale(self) -> float:
        """What the negative log density was divided by: N for data, 1 otherwise."""
        return self._scale

    @property
    def dtype(self) -> torch.dtype:
        """float32 or float64: that of every point and every value."""
        return self._initial.dtype

    @property
    def device(self) -> torch.device:
        """Where the computation runs."""
        return self._initial.device

    def value(self, w: Array) -> Tensor:
        """Return :math:`F` at one point or at a batch of points.

        Args:
            w: ``[..., P]``; converted to the objective's dtype and device.

        Returns:
            ``[...]``; not finite where the function is not.

        Raises:
            ArgumentError: The last dimension is not P.
        """
        return self._value(self._point(w))

    def value_and_gradient(self, w: Array) -> tuple[Tensor, Tensor]:
        """Return :math:`F` and its gradient at one point or at a batch of points.

        Args:
            w: ``[..., P]``; converted to the objective's dtype and device.

        Returns:
            ``[...]`` and ``[..., P]``.

        Raises:
            ArgumentError: The last dimension is not P.
        """
        return self._value_and_gradient(self._point(w))

    def expand(self, w: Array) -> Expansion:
        """Return :math:`F`, its gradient and its Hessian at one point, which share what they have in common.

        Args:
            w: ``[P]``; converted to the objective's dtype and device.

        Raises:
            ArgumentError: Not one point of P numbers.

        >>> at = Objective.from_function(lambda w: (w**2).sum(), torch.ones(1)).expand([3.0])
        >>> at.value.item(), at.gradient.tolist(), at.hessian().to_dense().tolist()
        (9.0, [6.0], [[2.0]])
        """
        point = self._point(w)
        if point.ndim != 1:
            raise ArgumentError(f"one point of shape [{self.size}]", f"shape {tuple(point.shape)}")
        return self._expand(point)

    def gradient(self, w: Array) -> Tensor:
        """Return the gradient alone, ``[..., P]``."""
        return self.value_and_gradient(w)[1]

    def hessian(self, w: Array) -> LinearOperator:
        """Return the matrix of second derivatives at ``w`` as a symmetric operator of shape ``(..., P, P)``.

        Args:
            w: ``[P]``; where the objective says so (linear models), ``[..., P]``.

        Raises:
            ArgumentError: The last dimension is not P, or a batch came where one point is needed.
        """
        return self._hessian(self._point(w))

    def _point(self, w: Array) -> Tensor:
        point = to_tensor(w, "w", finite=False)
        if point.shape[-1] != self.size:  # messages are made where they are needed: this is called often
            raise ArgumentError(f"w of shape [..., {self.size}]", f"shape {tuple(point.shape)}")
        return point.to(dtype=self.dtype, device=self.device)

    def _expand(self, w: Tensor) -> Expansion:
        """Return F around a checked point."""
        value, gradient = self._value_and_gradient(w)
        return Expansion(value, gradient, lambda: self._hessian(w))

    @abstractmethod
    def _value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""

    @abstractmethod
    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""

    @abstractmethod
    def _hessian(self, w: Tensor) -> LinearOperator:
        """Return the Hessian at a checked point."""

    @staticmethod
    def from_function(fn: "Callable[[Tensor], Tensor]", initial: Array) -> "FunctionObjective":
        """Make an objective of any differentiable torch function of one vector.

        Args:
            fn: Maps ``[P]`` to a scalar, in torch operations.
            initial: Where to start, ``[P]``.

        Raises:
            ArgumentError: ``fn(initial)`` is not one real number that depends on its argument.
        """
        from fivefold.objective.function import FunctionObjective

        return FunctionObjective(fn, initial)

    @staticmethod
    def from_residuals(fn: "Callable[[Tensor], Tensor]", initial: Array) -> "ResidualObjective":
        r"""Make the least-squares objective :math:`\tfrac12 \lVert r(w) \rVert^2`.

        Args:
            fn: Maps ``[P]`` to the residuals ``[m]``, in torch operations.
            initial: Where to start, ``[P]``.

        Raises:
            ArgumentError: ``fn(initial)`` is not a vector.
        """
        from fivefold.objective.residuals import ResidualObjective

        return ResidualObjective(fn, initial)

    @staticmethod
    def from_oracle(
        value_and_gradient: "ValueAndGradient",
        initial: Array,
        hessian_product: "Product | None" = None,
    ) -> "OracleObjective":
        """Make an objective of a black box that takes and returns NumPy arrays.

        Args:
            value_and_gradient: Maps a float64 array ``[P]`` to a number and an array ``[P]``.
            initial: Where to start, ``[P]``.
            hessian_product: Maps ``w`` and ``v`` (both ``[P]``) to :math:`H(w) v`; by default central
                differences of the gradient.

        Raises:
            ArgumentError: The box does not return a number and an array ``[P]``.
        """
        from fivefold.objective.oracle import OracleObjective

        return OracleObjective(value_and_gradient, initial, hessian_product)
