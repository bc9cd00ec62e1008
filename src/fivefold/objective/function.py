"""An objective made of any differentiable torch function."""

from collections.abc import Callable

from torch import Tensor

from fivefold.calculus import HessianOperator, Plan, value_and_gradient
from fivefold.core import require
from fivefold.linalg import Array
from fivefold.objective.base import Objective


class FunctionObjective(Objective):
    """A differentiable torch function of one vector as an objective; ``Objective.from_function`` makes it.

    Args:
        fn: Maps ``[P]`` to a scalar, in torch operations.
        initial: Where to start, ``[P]``.

    Raises:
        ArgumentError: ``fn(initial)`` is not one real number that depends on its argument.

    >>> import torch
    >>> F = FunctionObjective(lambda w: (w**4).sum(), torch.ones(2))
    >>> F.hessian(torch.tensor([1.0, 2.0])) @ torch.ones(2)
    tensor([12., 48.])
    """

    def __init__(self, fn: Callable[[Tensor], Tensor], initial: Array) -> None:
        super().__init__(initial)
        self._fn = fn
        self._derivative = value_and_gradient(fn)
        self._plan = Plan()  # what works for the Hessian at one point works at the next
        # A function that is not one real number, or has no gradient, is refused here and not at first use.
        self._derivative(self._initial)

    @property
    def batching(self) -> str:
        """How a batch of points is worked off: ``"vmap"``, ``"loop"``, ``"unknown"`` before the first."""
        return self._derivative.batching

    def _value(self, w: Tensor) -> Tensor:
        return self._derivative.value(w)

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        return self._derivative(w)

    def _hessian(self, w: Tensor) -> HessianOperator:
        require(w.ndim == 1, "one point [P] for the Hessian of a general function", f"shape {tuple(w.shape)}")
        return HessianOperator(self._fn, w, plan=self._plan)
