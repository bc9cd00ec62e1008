"""The matrix of first derivatives as an operator: one forward or one reverse pass per product."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fivefold.calculus.columns import CHUNK, over_columns
from fivefold.calculus.fallback import Way, first_that_works
from fivefold.core import require
from fivefold.linalg import Adjoint, LinearOperator


class JacobianOperator(LinearOperator):
    r"""The Jacobian of a function at a point, :math:`J_{ij} = \partial z_i / \partial w_j`.

    :math:`J v` by forward mode, :math:`J^\top u` by reverse mode. Where an operation has no forward
    derivative, :math:`J v` by two reverse passes, :math:`J v = \partial_u (\partial_w (u^\top z))\, v`;
    :attr:`mode` says which.

    Source: Griewank & Walther 2008, "Evaluating Derivatives", chapter 3.

    Args:
        fn: Maps ``[P]`` to a tensor of any shape, in torch operations; its entries are the rows of J in
            row-major order.
        w: The point, ``[P]``.

    Raises:
        ArgumentError: ``w`` is not a vector, or ``fn(w)`` is empty.

    >>> J = JacobianOperator(lambda w: torch.stack([w.prod(), w[0], w[1] ** 2]), torch.tensor([2.0, 5.0]))
    >>> J.to_dense(), J.mode
    (tensor([[ 5.,  2.],
            [ 1.,  0.],
            [ 0., 10.]]), 'forward')
    """

    def __init__(self, fn: Callable[[Tensor], Tensor], w: Tensor) -> None:
        require(w.ndim == 1, "one point [P]", f"shape {tuple(w.shape)}", "loop over the batch")
        with torch.no_grad():
            output = fn(w)
        require(output.numel() > 0, "a function with at least one value", f"shape {tuple(output.shape)}")
        super().__init__((output.numel(), w.shape[0]), dtype=w.dtype, device=w.device)
        self._w = w.detach()
        self._fn: Callable[[Tensor], Tensor] = lambda point: fn(point).reshape(-1)

    @property
    def mode(self) -> str:
        """How ``J v`` is made: ``"forward"`` or ``"double reverse"``."""
        return self._way.mode

    @property
    def batching(self) -> str:
        """How several columns are worked off: ``"vmap"`` or ``"loop"``."""
        return self._way.batching

    @cached_property
    def _way(self) -> Way[Tensor]:
        ways = [
            Way("forward", "vmap", self._forward_mapped),
            Way("forward", "loop", self._forward_looped),
            Way("double reverse", "loop", self._double_reverse),
        ]
        return first_that_works(ways, torch.zeros_like(self._w)[:, None])

    @cached_property
    def _way_back(self) -> Way[Tensor]:
        ways = [
            Way("reverse", "vmap", self._reverse_mapped),
            Way("reverse", "loop", self._reverse_looped),
        ]
        return first_that_works(ways, torch.zeros(self.shape[0], 1, dtype=self.dtype, device=self.device))

    def _forward(self, v: Tensor) -> Tensor:
        product: Tensor = torch.func.jvp(self._fn, (self._w,), (v,))[1]
        return product

    def _forward_mapped(self, X: Tensor) -> Tensor:
        return torch.func.vmap(self._forward, in_dims=1, out_dims=1, chunk_size=CHUNK)(X)

    def _forward_looped(self, X: Tensor) -> Tensor:
        return torch.stack([self._forward(column) for column in X.unbind(1)], dim=1)

    def _double_reverse(self, X: Tensor) -> Tensor:
        with torch.enable_grad():
            w = self._w.clone().requires_grad_()
            z = self._fn(w)
            u = torch.zeros_like(z).requires_grad_()
            (back,) = torch.autograd.grad(z, w, u, create_graph=True, materialize_grads=True)
            columns = [
                torch.autograd.grad(back, u, column, retain_graph=True, materialize_grads=True)[0]
                for column in X.unbind(1)
            ]
        return torch.stack(columns, dim=1)

    def _reverse_mapped(self, Y: Tensor) -> Tensor:
        pull = torch.func.vjp(self._fn, self._w)[1]
        columns: Tensor = torch.func.vmap(lambda u: pull(u)[0], in_dims=1, out_dims=1, chunk_size=CHUNK)(Y)
        return columns

    def _reverse_looped(self, Y: Tensor) -> Tensor:
        with torch.enable_grad():
            w = self._w.clone().requires_grad_()
            z = self._fn(w)
            columns = [
                torch.autograd.grad(z, w, column, retain_graph=True, materialize_grads=True)[0]
                for column in Y.unbind(1)
            ]
        return torch.stack(columns, dim=1)

    def _matmat(self, X: Tensor) -> Tensor:
        return over_columns(self._way.run, X)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        return over_columns(self._way_back.run, Y)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)

    def to_dense(self) -> Tensor:
        """Return the matrix, by the cheaper of m reverse and P forward products."""
        m, P = self.shape
        if m < P:
            return self._adjoint_matmat(torch.eye(m, dtype=self.dtype, device=self.device)).mT
        return super().to_dense()
