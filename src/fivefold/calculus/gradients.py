"""The gradient of a scalar function of one vector, over a batch of points."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fivefold.calculus.fallback import Way, first_that_works
from fivefold.core import require

Function = Callable[[Tensor], Tensor]


class ValueAndGradient:
    r"""The function :math:`w \mapsto (f(w), \nabla f(w))` over points ``[..., P]``, by reverse mode.

    A batch goes through ``torch.func.vmap``; where the function cannot be mapped (``.item()``, an operation
    without a batching rule) one point after the other is taken, and :attr:`batching` says ``"loop"``.

    Args:
        fn: Maps ``[P]`` to a scalar.

    >>> f = ValueAndGradient(lambda w: (w**3).sum())
    >>> f(torch.tensor([1.0, 2.0]))
    (tensor(9.), tensor([ 3., 12.]))
    >>> f(torch.ones(4, 2))[1].shape, f.batching
    (torch.Size([4, 2]), 'vmap')
    """

    def __init__(self, fn: Function) -> None:
        self._fn = fn
        self._way: Way[tuple[Tensor, Tensor]] | None = None

    @property
    def batching(self) -> str:
        """How a batch is worked off: ``"vmap"``, ``"loop"``, or ``"unknown"`` before the first batch."""
        return "unknown" if self._way is None else self._way.batching

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""
        if w.ndim == 1:
            return _at_point(self._fn, w)
        flat = w.reshape(-1, w.shape[-1])
        if self._way is None:
            ways = [Way("reverse", "vmap", self._vmapped), Way("reverse", "loop", self._looped)]
            self._way = first_that_works(ways, flat[:1])
        value, gradient = self._way.run(flat)
        return value.reshape(w.shape[:-1]), gradient.reshape(w.shape)

    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]`` without derivatives."""
        if w.ndim == 1:
            with torch.no_grad():
                return self._fn(w)
        flat = w.reshape(-1, w.shape[-1])
        ways = [
            Way("value", "vmap", torch.func.vmap(self._fn)),
            Way("value", "loop", lambda x: torch.stack([self._fn(row) for row in x])),
        ]
        if self._way is not None and self._way.batching == "loop":
            ways = ways[1:]
        with torch.no_grad():
            way = first_that_works(ways, flat[:1])
            return way.run(flat).reshape(w.shape[:-1])

    def _vmapped(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        gradient, value = torch.func.vmap(torch.func.grad_and_value(self._fn))(flat)
        return value, gradient

    def _looped(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        pairs = [_at_point(self._fn, row) for row in flat]
        return torch.stack([value for value, _ in pairs]), torch.stack([gradient for _, gradient in pairs])


def _at_point(fn: Function, w: Tensor) -> tuple[Tensor, Tensor]:
    # torch.autograd and not torch.func: it also differentiates functions that torch.func refuses.
    with torch.enable_grad():
        point = w.detach().requires_grad_()
        value = fn(point)
        require(
            value.ndim == 0 and value.requires_grad,
            "a function with one real value that depends on w through torch operations",
            f"shape {tuple(value.shape)}, requires_grad={value.requires_grad}",
            "return a scalar tensor; do not detach it",
        )
        (gradient,) = torch.autograd.grad(value, point, materialize_grads=True)
    return value.detach(), gradient


def value_and_gradient(fn: Function) -> ValueAndGradient:
    r"""Return the function :math:`w \mapsto (f(w), \nabla f(w))`.

    Args:
        fn: Maps ``[P]`` to a scalar, in torch operations.

    Returns:
        A function of ``[..., P]`` that returns ``[...]`` and ``[..., P]``.

    >>> value_and_gradient(torch.sum)(torch.ones(2))
    (tensor(2.), tensor([1., 1.]))
    """
    return ValueAndGradient(fn)


def gradient(fn: Function) -> Callable[[Tensor], Tensor]:
    r"""Return the gradient of a function, :math:`(\nabla f)_j = \partial f / \partial w_j`.

    Args:
        fn: Maps ``[P]`` to a scalar, in torch operations.

    Returns:
        A function of ``[..., P]`` that returns ``[..., P]``.

    >>> gradient(lambda w: w.prod())(torch.tensor([2.0, 5.0]))
    tensor([5., 2.])
    """
    both = ValueAndGradient(fn)

    def nabla(w: Tensor) -> Any:
        return both(w)[1]

    return nabla
