"""The matrix of second derivatives as an operator: products cost a few gradients, no matrix is formed."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fivefold.calculus.columns import over_columns
from fivefold.calculus.fallback import Way
from fivefold.calculus.plan import Plan
from fivefold.core import require
from fivefold.linalg import LinearOperator


class HessianOperator(LinearOperator):
    r"""The Hessian of a scalar function at a point, by its products with vectors.

    .. math:: H v = \left.\frac{d}{d\varepsilon} \nabla f(w + \varepsilon v)\right|_{\varepsilon = 0}

    Forward mode over reverse mode, mapped over the columns. Where an operation has no forward derivative,
    reverse mode over reverse mode, :math:`H v = \nabla (\nabla f^\top v)`; where the function cannot be
    mapped, one column after the other. :attr:`mode` and :attr:`batching` say which.

    With ``retain`` the graph of the gradient is built once and kept: a product is then one reverse pass
    through it, about 1.5 gradients instead of 2.5, for the memory of that graph.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian", Neural Computation 6.

    Args:
        fn: Maps ``[P]`` to a scalar, in torch operations.
        w: The point, ``[P]``.
        positive: The maker's claim that ``fn`` is convex at ``w``.
        retain: Whether the graph of the gradient is kept, where it fits the memory bound.
        plan: How columns are worked off, and the memory bound; ``Plan()`` by default.

    Raises:
        ArgumentError: ``w`` is not a vector, or ``fn(w)`` is not a real scalar.

    >>> H = HessianOperator(lambda w: w[0] ** 2 * w[1], torch.tensor([1.0, 3.0]))
    >>> H.to_dense(), H.mode
    (tensor([[6., 2.],
            [2., 0.]]), 'forward-over-reverse')
    """

    def __init__(
        self,
        fn: Callable[[Tensor], Tensor],
        w: Tensor,
        *,
        positive: bool = False,
        retain: bool = False,
        plan: Plan | None = None,
    ) -> None:
        require(w.ndim == 1, "one point [P]", f"shape {tuple(w.shape)}", "loop over the batch")
        with torch.no_grad():
            value = fn(w)
        require(value.shape == (), "a function with one value", f"shape {tuple(value.shape)}")
        require(not value.is_complex(), "a real value", value.dtype, "return its real part")
        self._setup(fn, w, positive=positive, retain=retain, plan=plan)

    @classmethod
    def trusted(
        cls, fn: Callable[[Tensor], Tensor], w: Tensor, *, retain: bool = False, plan: Plan | None = None
    ) -> "HessianOperator":
        """Make the operator without evaluating ``fn``, which is known to have one real value."""
        made = cls.__new__(cls)
        made._setup(fn, w, positive=False, retain=retain, plan=plan)
        return made

    def _setup(
        self, fn: Callable[[Tensor], Tensor], w: Tensor, *, positive: bool, retain: bool, plan: Plan | None
    ) -> None:
        super().__init__(
            (w.shape[0], w.shape[0]), dtype=w.dtype, device=w.device, symmetric=True, positive=positive
        )
        self._fn = fn
        self._w = w.detach()
        self._plan = plan or Plan()
        self._retain = retain

    @property
    def mode(self) -> str:
        """``"forward-over-reverse"``, ``"reverse-over-reverse"`` or ``"retained reverse"``."""
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
            Way("forward-over-reverse", "vmap", self._forward_mapped),
            Way("forward-over-reverse", "loop", self._forward_looped),
            Way("reverse-over-reverse", "loop", self._reverse_looped),
        ]
        if self._retain:
            ways[1:1] = [Way("retained reverse", "loop", self._retained_looped, self.release)]
            ways[:0] = [Way("retained reverse", "vmap", self._retained_mapped, self.release)]
        return ways

    @cached_property
    def _graph(self) -> tuple[Tensor, Tensor]:
        return self._slope()

    def _slope(self) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            w = self._w.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self._fn(w), w, create_graph=True, materialize_grads=True)
        return w, slope

    def release(self) -> None:
        """Forget the retained graph; the next product builds it again."""
        self.__dict__.pop("_graph", None)

    def _forward(self, v: Tensor) -> Tensor:
        # strict typing cannot see through torch.func, hence the annotation.
        product: Tensor = torch.func.jvp(torch.func.grad(self._fn), (self._w,), (v,))[1]
        return product

    def _forward_mapped(self, X: Tensor) -> Tensor:
        return torch.func.vmap(self._forward, in_dims=1, out_dims=1)(X)

    def _forward_looped(self, X: Tensor) -> Tensor:
        return torch.stack([self._forward(column) for column in X.unbind(1)], dim=1)

    def _reverse_looped(self, X: Tensor) -> Tensor:
        return _through(self._slope(), X)

    def _retained_looped(self, X: Tensor) -> Tensor:
        return _through(self._graph, X)

    def _retained_mapped(self, X: Tensor) -> Tensor:
        w, slope = self._graph
        if not slope.requires_grad:
            return torch.zeros_like(X)
        rows = torch.autograd.grad(
            slope, w, X.mT, retain_graph=True, materialize_grads=True, is_grads_batched=True
        )[0]
        return rows.mT

    def _matmat(self, X: Tensor) -> Tensor:
        return over_columns(lambda Z: self._plan.run(self._ways, Z), X)

    def _adjoint(self) -> "HessianOperator":
        return self


def _through(graph: tuple[Tensor, Tensor], X: Tensor) -> Tensor:
    w, slope = graph
    if not slope.requires_grad:  # a gradient that is constant, as of a linear function
        return torch.zeros_like(X)
    columns = [
        torch.autograd.grad(slope, w, column, retain_graph=True, materialize_grads=True)[0]
        for column in X.unbind(1)
    ]
    return torch.stack(columns, dim=1)
