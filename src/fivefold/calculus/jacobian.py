"""The matrix of first derivatives as an operator: one forward or one reverse pass per product."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fivefold.calculus.columns import over_columns
from fivefold.calculus.fallback import Way
from fivefold.calculus.plan import Plan
from fivefold.core import require
from fivefold.linalg import Adjoint, LinearOperator


class JacobianOperator(LinearOperator):
    r"""The Jacobian of a function at a point, :math:`J_{ij} = \partial z_i / \partial w_j`.

    :math:`J v` by forward mode, :math:`J^\top u` by reverse mode. Where an operation has no forward
    derivative, :math:`J v` by two reverse passes, :math:`J v = \partial_u (\partial_w (u^\top z))\, v`;
    :attr:`mode` says which.

    With ``retain`` the graphs of z and of :math:`J^\top u` are built once and kept: a product is then one
    reverse pass, without the function's own evaluation, for the memory of those graphs.

    Source: Griewank & Walther 2008, "Evaluating Derivatives", chapter 3.

    Args:
        fn: Maps ``[P]`` to a tensor of any shape, in torch operations; its entries are the rows of J in
            row-major order.
        w: The point, ``[P]``.
        retain: Whether graphs are kept, where they fit the memory bound.
        plan: How the columns of J are worked off, and the memory bound; ``Plan()`` by default.
        plan_back: The same for those of its adjoint.

    Raises:
        ArgumentError: ``w`` is not a vector, or ``fn(w)`` is empty or complex.

    >>> J = JacobianOperator(lambda w: torch.stack([w.prod(), w[0], w[1] ** 2]), torch.tensor([2.0, 5.0]))
    >>> J.to_dense(), J.mode
    (tensor([[ 5.,  2.],
            [ 1.,  0.],
            [ 0., 10.]]), 'forward')
    """

    def __init__(
        self,
        fn: Callable[[Tensor], Tensor],
        w: Tensor,
        *,
        retain: bool = False,
        plan: Plan | None = None,
        plan_back: Plan | None = None,
    ) -> None:
        require(w.ndim == 1, "one point [P]", f"shape {tuple(w.shape)}", "loop over the batch")
        with torch.no_grad():
            output = fn(w)
        require(output.numel() > 0, "a function with at least one value", f"shape {tuple(output.shape)}")
        require(not output.is_complex(), "real values", output.dtype, "return torch.view_as_real of them")
        self._setup(fn, w, output.numel(), retain=retain, plan=plan, plan_back=plan_back)

    @classmethod
    def trusted(
        cls,
        fn: Callable[[Tensor], Tensor],
        w: Tensor,
        outputs: int,
        *,
        retain: bool = False,
        plan: Plan | None = None,
        plan_back: Plan | None = None,
    ) -> "JacobianOperator":
        """Make the operator without evaluating ``fn``, which is known to have ``outputs`` real values."""
        made = cls.__new__(cls)
        made._setup(fn, w, outputs, retain=retain, plan=plan, plan_back=plan_back)
        return made

    def _setup(
        self,
        fn: Callable[[Tensor], Tensor],
        w: Tensor,
        outputs: int,
        *,
        retain: bool,
        plan: Plan | None,
        plan_back: Plan | None,
    ) -> None:
        super().__init__((outputs, w.shape[0]), dtype=w.dtype, device=w.device)
        self._w = w.detach()
        self._fn: Callable[[Tensor], Tensor] = lambda point: fn(point).reshape(-1)
        self._plan = plan or Plan()
        self._plan_back = plan_back or Plan()
        self._retain = retain

    @property
    def mode(self) -> str:
        """How ``J v`` is made: ``"forward"``, ``"double reverse"`` or ``"retained double reverse"``."""
        return self._way.mode

    @property
    def batching(self) -> str:
        """How several columns are worked off: ``"vmap"`` or ``"loop"``."""
        return self._way.batching

    @property
    def _way(self) -> Way[Tensor]:
        return self._plan.way(self._ways, torch.zeros_like(self._w)[:, None])

    @cached_property
    def _ways(self) -> list[Way[Tensor]]:
        ways = [
            Way("forward", "vmap", self._forward_mapped),
            Way("forward", "loop", self._forward_looped),
            Way("double reverse", "loop", self._double_reverse),
        ]
        if self._retain:
            ways[1:1] = [Way("retained double reverse", "loop", self._retained_double, self.release)]
        return ways

    @cached_property
    def _ways_back(self) -> list[Way[Tensor]]:
        ways = [
            Way("reverse", "vmap", self._reverse_mapped),
            Way("reverse", "loop", self._reverse_looped),
        ]
        if self._retain:
            ways[1:1] = [Way("retained reverse", "loop", self._retained_reverse, self.release)]
            ways[:0] = [Way("retained reverse", "vmap", self._retained_mapped, self.release)]
        return ways

    @cached_property
    def _graph(self) -> tuple[Tensor, Tensor]:
        return self._outputs()

    @cached_property
    def _graph_back(self) -> tuple[Tensor, Tensor]:
        return _pulled(*self._graph)

    def _outputs(self) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            w = self._w.clone().requires_grad_()
            return w, self._fn(w)

    def release(self) -> None:
        """Forget the retained graphs; the next product builds them again."""
        self.__dict__.pop("_graph_back", None)
        self.__dict__.pop("_graph", None)

    def _forward(self, v: Tensor) -> Tensor:
        product: Tensor = torch.func.jvp(self._fn, (self._w,), (v,))[1]
        return product

    def _forward_mapped(self, X: Tensor) -> Tensor:
        return torch.func.vmap(self._forward, in_dims=1, out_dims=1)(X)

    def _forward_looped(self, X: Tensor) -> Tensor:
        return torch.stack([self._forward(column) for column in X.unbind(1)], dim=1)

    def _double_reverse(self, X: Tensor) -> Tensor:
        return _back(*_pulled(*self._outputs()), X)

    def _retained_double(self, X: Tensor) -> Tensor:
        return _back(*self._graph_back, X)

    def _reverse_mapped(self, Y: Tensor) -> Tensor:
        pull = torch.func.vjp(self._fn, self._w)[1]
        columns: Tensor = torch.func.vmap(lambda u: pull(u)[0], in_dims=1, out_dims=1)(Y)
        return columns

    def _reverse_looped(self, Y: Tensor) -> Tensor:
        return _back(*self._outputs(), Y)

    def _retained_reverse(self, Y: Tensor) -> Tensor:
        return _back(*self._graph, Y)

    def _retained_mapped(self, Y: Tensor) -> Tensor:
        w, z = self._graph
        if not z.requires_grad:
            return Y.new_zeros(w.shape[0], Y.shape[1])
        rows = torch.autograd.grad(
            z, w, Y.mT, retain_graph=True, materialize_grads=True, is_grads_batched=True
        )[0]
        return rows.mT

    def _matmat(self, X: Tensor) -> Tensor:
        return over_columns(lambda Z: self._plan.run(self._ways, Z), X)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        return over_columns(lambda Z: self._plan_back.run(self._ways_back, Z), Y)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)

    def to_dense(self) -> Tensor:
        """Return the matrix, by the cheaper of m reverse and P forward products."""
        m, P = self.shape
        if m < P:
            return self._adjoint_matmat(torch.eye(m, dtype=self.dtype, device=self.device)).mT
        return super().to_dense()


def _pulled(w: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return a cotangent u and the graph of J^T u, linear in u."""
    with torch.enable_grad():
        u = torch.zeros_like(z).requires_grad_()
        if not z.requires_grad:  # z does not depend on w
            return u, torch.zeros_like(w)
        (back,) = torch.autograd.grad(z, w, u, create_graph=True, materialize_grads=True)
    return u, back


def _back(inputs: Tensor, outputs: Tensor, Y: Tensor) -> Tensor:
    """Multiply the adjoint of d outputs / d inputs onto columns, through a graph that is kept."""
    if not outputs.requires_grad:
        return Y.new_zeros(inputs.shape[0], Y.shape[1])
    columns = [
        torch.autograd.grad(outputs, inputs, column, retain_graph=True, materialize_grads=True)[0]
        for column in Y.unbind(1)
    ]
    return torch.stack(columns, dim=1)
