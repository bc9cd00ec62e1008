"""What the iterative solvers share: their result, and the reading of their arguments."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.operator import LinearOperator

SEVERITY = (Status.CONVERGED, Status.OUT_OF_BUDGET, Status.STALLED, Status.DIVERGED, Status.ILL_POSED)
"""From good to bad; the status of many right-hand sides is the worst of theirs."""


@dataclass(frozen=True, eq=False)
class Krylov:
    r"""The iterate where MINRES or LSMR stopped.

    Args:
        x: ``[n]`` or ``[n, k]``.
        residual_norms: True relative residuals :math:`\|b - A x\| / \|b\|`, ``[k]``.
        gradient_norms: :math:`\|A^\top r - \lambda^2 x\| / (\|A\| \|r\|)` with the largest
            :math:`\|A\|` that was seen, ``[k]``: zero at a least-squares solution.
        status: The most severe of ``statuses``.
        statuses: One a right-hand side; ``ILL_POSED`` where no x solves the system.
        steps: Iterations made.
        history: Largest relative residual, by recurrence, at each step, ``[steps + 1]``.
        certificates: One or two a right-hand side, in order.
        message: What went wrong, or an empty string.
    """

    x: Array
    residual_norms: Array
    gradient_norms: Array
    status: Status
    statuses: tuple[Status, ...]
    steps: int
    history: Array
    certificates: tuple[Certificate, ...]
    message: str


def right_hand_sides(A: LinearOperator, b: Array, tolerance: float) -> tuple[Tensor, torch.Size]:
    """Return b as ``[m, k]`` in the operator's dtype, and the shape it came in.

    Raises:
        ArgumentError: Sizes that do not fit, not finite, or a tolerance that is not positive.

    >>> from fivefold.linalg import Identity
    >>> right_hand_sides(Identity(2), [1.0, 2.0], 1e-8)[0].shape
    torch.Size([2, 1])
    """
    require(0 < tolerance < math.inf, "a positive tolerance of the relative residual", tolerance)
    target = to_tensor(b, "b", dims=(1, 2)).detach()
    m = A.shape[0]
    require(target.shape[0] == m, f"b with {m} rows", f"shape {tuple(target.shape)}")
    return target.reshape(m, -1).to(device=A.device, dtype=A.dtype), target.shape


def safe(t: Tensor) -> Tensor:
    """Return t with ones in place of zeros, to divide by.

    >>> safe(torch.tensor([0.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    return torch.where(t == 0, torch.ones_like(t), t)


def residual_certificate(relative: float, tolerance: float) -> Certificate:
    """Whether the residual of the system, computed anew, is within the tolerance.

    >>> residual_certificate(1e-12, 1e-10).verdict
    'yes'
    """
    return Certificate(
        "|b - Ax| <= tolerance |b|",
        Kind.PROOF,
        relative <= tolerance,
        bound=tolerance,
        value=relative,
        method="residual computed anew from x",
    )
