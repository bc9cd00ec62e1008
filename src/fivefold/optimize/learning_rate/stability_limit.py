"""The largest rate at which an optimizer is stable on the quadratic model of the loss, from its curvature."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivefold.calculus import HessianOperator
from fivefold.core import Budget, Status, call_with, require
from fivefold.linalg import LinearOperator, eigh

_LANCZOS_PRODUCTS = 60
_LANCZOS_COLUMNS = 52
"""What Lanczos keeps of each vector: its basis and the basis' image."""
_BYTES = 2**30
"""What that may take; beyond it LOBPCG does with a few vectors."""


@dataclass(frozen=True, eq=False, slots=True)
class StabilityLimit:
    r"""The edge of stability of an optimizer at a point.

    Args:
        rate: The largest stable rate, edge / curvature; infinite where no direction curves upwards.
        curvature: The largest eigenvalue of :math:`P^{-1/2} H P^{-1/2}`.
        edge: The optimizer's bound on rate times curvature.
        residual: Norm of the residual of the eigenpair: some eigenvalue lies within it of ``curvature``.
        converged: Whether the residual met the tolerance, 1 % of the curvature by default.
    """

    rate: float
    curvature: float
    edge: float
    residual: float
    converged: bool


def stability_edge(optimizer: Optimizer) -> float | None:
    r"""The bound on rate times (preconditioned) curvature up to which an optimizer is stable on a quadratic.

    ====================== =========================================
    SGD, heavy ball        :math:`2 (1 + \beta)`
    SGD, Nesterov's form   :math:`2 (1 + \beta) / (1 + 2 \beta)`
    Adam, AdamW            :math:`2 (1 + \beta_1) / (1 - \beta_1)`, 38 at 0.9
    RMSprop                :math:`2 (1 + \beta)`
    ====================== =========================================

    Source: on :math:`\tfrac12 \lambda w^2` the iteration is linear with two modes, whose roots leave the unit
    circle at these values (Polyak 1964); for Adam with P held fixed Cohen et al. 2022, "Adaptive gradient
    methods at the edge of stability", arXiv 2207.14484.

    Args:
        optimizer: Its first group's momentum decides.

    Returns:
        The bound, or ``None`` for an optimizer without a known one.

    >>> w = [torch.zeros(1, requires_grad=True)]
    >>> stability_edge(torch.optim.SGD(w, momentum=0.9)), round(stability_edge(torch.optim.AdamW(w)), 6)
    (3.8, 38.0)
    """
    group = optimizer.param_groups[0]
    if isinstance(optimizer, torch.optim.SGD):
        beta = float(group["momentum"])
        if group["dampening"]:
            return None
        return 2 * (1 + beta) / (1 + 2 * beta) if group["nesterov"] else 2 * (1 + beta)
    if isinstance(optimizer, torch.optim.Adam):
        beta = float(group["betas"][0])
        return 2 * (1 + beta) / (1 - beta)
    if type(optimizer) is torch.optim.RMSprop and not group["centered"]:
        return 2 * (1 + float(group["momentum"]))
    return None


def stability_limit(
    module: nn.Module,
    loss: Callable[..., Tensor],
    batch: tuple[Tensor, ...],
    optimizer: Optimizer,
    *,
    seed: int = 0,
) -> StabilityLimit | None:
    r"""The largest stable rate: the edge over the top eigenvalue of the preconditioned Hessian of a batch.

    .. math:: \eta^* = \frac{\text{edge}}{\lambda_{\max}(P^{-1/2} H P^{-1/2})}, \qquad
              P = I \text{ (SGD)}, \quad P = \operatorname{diag}(\sqrt{\hat v} + \epsilon)
              \text{ (Adam, RMSprop)}

    by Lanczos iteration on products with the Hessian, in the module's present mode (batch norm by the batch's
    statistics in training mode). The module, its buffers and its gradients stay as they are.

    Args:
        module: At the point in question.
        loss: ``loss(output, *targets)``, a scalar or one number per member, which are summed.
        batch: ``(X, *targets)``.
        optimizer: Whose moments are the preconditioner: it must have made steps, unless it is SGD.
        seed: Of the first vector.

    Returns:
        The limit, or ``None`` where the optimizer has no known edge or no moments yet, or where the curvature
        is not finite.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> X = torch.tensor([[2.0]])  # the loss (2 w - y)^2 has curvature 8
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> limit = stability_limit(net, lambda out, y: (out - y).square().mean(), (X, X), sgd)
    >>> round(limit.curvature, 4), round(limit.rate, 4)
    (8.0, 0.25)
    """
    owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = {name: p.detach() for name, p in module.named_parameters() if id(p) in owned}
    require(bool(named), "an optimizer of the module's parameters", "another's")
    shapes = {name: p.shape for name, p in named.items()}
    buffers = {name: b.detach() for name, b in module.named_buffers()}
    start = torch.cat([p.reshape(-1) for p in named.values()])

    def value(w: Tensor) -> Tensor:
        pieces = torch.split(w, [shape.numel() for shape in shapes.values()])
        weights = {
            name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
        }
        # copies, because batch norm writes its running statistics
        fresh = {name: b.clone() for name, b in buffers.items()}
        output = call_with(module, {**weights, **fresh}, batch[0])
        return loss(output, *batch[1:]).sum()

    H = HessianOperator.trusted(value, start, retain=True)
    return limit_of_hessian(H, [p for p in module.parameters() if id(p) in owned], optimizer, seed=seed)


def limit_of_hessian(
    H: LinearOperator,
    parameters: Sequence[Tensor],
    optimizer: Optimizer,
    *,
    seed: int = 0,
    tolerance: float = 1e-2,
    budget: Budget | None = None,
) -> StabilityLimit | None:
    r"""Do what :func:`stability_limit` does, for a Hessian that is there already.

    Args:
        H: The Hessian in the parameters, one after the other, ``[P, P]``.
        parameters: Those of the optimizer that H is in, in its order.
        optimizer: Whose moments are the preconditioner.
        seed: Of the first vector.
        tolerance: Residual of the eigenpair relative to the curvature, from which on it counts as converged.
        budget: What the iteration may spend; 60 block products by default.

    Returns:
        The limit, or ``None`` as there.

    >>> from fivefold.linalg import Diagonal
    >>> w = [torch.zeros(2, requires_grad=True)]
    >>> limit = limit_of_hessian(Diagonal([8.0, 1.0]), w, torch.optim.SGD(w, lr=0.1))
    >>> round(limit.curvature, 4), round(limit.rate, 4)
    (8.0, 0.25)
    """
    edge = stability_edge(optimizer)
    scales = [_scale(optimizer, p) for p in parameters]
    if edge is None or any(scale is None for scale in scales):
        return None
    root = torch.cat([scale.reshape(-1) for scale in scales if scale is not None]).sqrt().to(H.dtype)
    P = _Preconditioned(H, root)
    if not bool(torch.isfinite(P.apply(torch.ones_like(root))).all()):
        return None
    method: Literal["lanczos", "dense", "lobpcg"] = "lanczos" if len(root) > 30 else "dense"
    if len(root) * root.element_size() * _LANCZOS_COLUMNS > _BYTES:
        method = "lobpcg"  # a few vectors instead of a basis
    limit = budget or Budget(steps=_LANCZOS_PRODUCTS)
    top = eigh(P, 1, method=method, tolerance=tolerance, seed=seed, budget=limit)
    curvature = float(top.values[0])
    rate = edge / curvature if curvature > 0 else math.inf
    residual = float(top.residual_norms[0])
    return StabilityLimit(rate, curvature, edge, residual, top.status is Status.CONVERGED)


def _scale(optimizer: Optimizer, parameter: Tensor) -> Tensor | None:
    """The diagonal P of the optimizer for a parameter, or ``None`` where it has no moments yet."""
    if isinstance(optimizer, torch.optim.SGD):
        return torch.ones_like(parameter)
    state = optimizer.state.get(parameter, {})
    group = next(g for g in optimizer.param_groups if any(p is parameter for p in g["params"]))
    if isinstance(optimizer, torch.optim.Adam) and "exp_avg_sq" in state:
        moments = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
        share = 1 - float(group["betas"][1]) ** float(state["step"])
        scale: Tensor = (moments / share).sqrt() + float(group["eps"])
        return scale
    if type(optimizer) is torch.optim.RMSprop and "square_avg" in state:
        root: Tensor = state["square_avg"].sqrt() + float(group["eps"])
        return root
    return None


class _Preconditioned(LinearOperator):
    """P^(-1/2) H P^(-1/2), symmetric, with the eigenvalues of P^(-1) H."""

    def __init__(self, H: LinearOperator, root: Tensor) -> None:
        super().__init__(H.shape, dtype=H.dtype, device=H.device, symmetric=True, positive=False)
        self._H, self._root = H, root[:, None]

    def _matmat(self, X: Tensor) -> Tensor:
        product: Tensor = self._H.apply(X / self._root) / self._root
        return product

    def _adjoint(self) -> "_Preconditioned":
        return self
