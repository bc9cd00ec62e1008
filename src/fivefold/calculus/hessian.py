"""The matrix of second derivatives as an operator: products cost a few gradients, no matrix is formed."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fivefold.calculus.columns import CHUNK, over_columns
from fivefold.calculus.fallback import Way, first_that_works
from fivefold.core import require
from fivefold.linalg import LinearOperator


class HessianOperator(LinearOperator):
    r"""The Hessian of a scalar function at a point, by its products with vectors.

    .. math:: H v = \left.\frac{d}{d\varepsilon} \nabla f(w + \varepsilon v)\right|_{\varepsilon = 0}

    Forward mode over reverse mode, mapped over the columns. Where an operation has no forward derivative,
    reverse mode over reverse mode, :math:`H v = \nabla (\nabla f^\top v)`; where the function cannot be
    mapped, one column after the other. :attr:`mode` and :attr:`batching` say which.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian", Neural Computation 6.

    Args:
        fn: Maps ``[P]`` to a scalar, in torch operations.
        w: The point, ``[P]``.
        positive: The maker's claim that ``fn`` is convex at ``w``.

    Raises:
        ArgumentError: ``w`` is not a vector, or ``fn(w)`` is not a scalar.

    >>> H = HessianOperator(lambda w: w[0] ** 2 * w[1], torch.tensor([1.0, 3.0]))
    >>> H.to_dense(), H.mode
    (tensor([[6., 2.],
            [2., 0.]]), 'forward-over-reverse')
    """

    def __init__(self, fn: Callable[[Tensor], Tensor], w: Tensor, *, positive: bool = False) -> None:
        require(w.ndim == 1, "one point [P]", f"shape {tuple(w.shape)}", "loop over the batch")
        with torch.no_grad():
            shape = tuple(fn(w).shape)
        require(shape == (), "a function with one value", f"shape {shape}")
        super().__init__(
            (w.shape[0], w.shape[0]), dtype=w.dtype, device=w.device, symmetric=True, positive=positive
        )
        self._fn = fn
        self._w = w.detach()

    @property
    def mode(self) -> str:
        """``"forward-over-reverse"`` or ``"reverse-over-reverse"``."""
        return self._way.mode

    @property
    def batching(self) -> str:
        """How several columns are worked off: ``"vmap"`` or ``"loop"``."""
        return self._way.batching

    @cached_property
    def _way(self) -> Way[Tensor]:
        ways = [
            Way("forward-over-reverse", "vmap", self._forward_mapped),
            Way("forward-over-reverse", "loop", self._forward_looped),
            Way("reverse-over-reverse", "loop", self._reverse_looped),
        ]
        return first_that_works(ways, torch.zeros_like(self._w)[:, None])

    def _forward(self, v: Tensor) -> Tensor:
        # strict typing cannot see through torch.func, hence the annotation.
        product: Tensor = torch.func.jvp(torch.func.grad(self._fn), (self._w,), (v,))[1]
        return product

    def _forward_mapped(self, X: Tensor) -> Tensor:
        return torch.func.vmap(self._forward, in_dims=1, out_dims=1, chunk_size=CHUNK)(X)

    def _forward_looped(self, X: Tensor) -> Tensor:
        return torch.stack([self._forward(column) for column in X.unbind(1)], dim=1)

    def _reverse_looped(self, X: Tensor) -> Tensor:
        with torch.enable_grad():
            w = self._w.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self._fn(w), w, create_graph=True, materialize_grads=True)
            if not slope.requires_grad:  # a gradient that is constant, as of a linear function
                return torch.zeros_like(X)
            columns = [
                torch.autograd.grad(slope, w, column, retain_graph=True, materialize_grads=True)[0]
                for column in X.unbind(1)
            ]
        return torch.stack(columns, dim=1)

    def _matmat(self, X: Tensor) -> Tensor:
        return over_columns(self._way.run, X)

    def _adjoint(self) -> "HessianOperator":
        return self
