"""Square systems through the structure of an operator: Kronecker, block diagonal, low rank plus diagonal."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, NumericalError, Status
from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.condition_estimate import inverse_norm_estimate
from fivefold.linalg.dense import Dense
from fivefold.linalg.dense_solve import DenseFactor, Raw, digits_of, forward, positive
from fivefold.linalg.kronecker import Kronecker, along_axes
from fivefold.linalg.low_rank import LowRankPlusDiagonal
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.woodbury_error import low_rank_residual, woodbury_error

_UNIT = 2.0**-53


def solve_kronecker(A: Kronecker, B: Tensor) -> Raw | None:
    r"""Solve by the inverses of the factors; ``None`` where a factor is not square.

    The error is proved by :math:`\|A^{-1}\|_\infty = \prod_i \|A_i^{-1}\|_\infty`.

    >>> solve_kronecker(Kronecker([[2.0]], [[4.0]]), torch.tensor([[8.0]]).double()).x.item()
    1.0
    """
    if any(factor.shape[0] != factor.shape[1] for factor in A.factors):
        return None
    dense = [factor.to_dense().detach().double() for factor in A.factors]
    factored = [DenseFactor(matrix) for matrix in dense]
    bad = [i for i, one in enumerate(factored) if one.why_singular]
    absolute = tuple(Dense(matrix.abs()) for matrix in dense)
    wide = tuple(Dense(matrix) for matrix in dense)
    inner = sum(matrix.shape[0] + 2 for matrix in dense)
    if bad:
        # The pseudoinverse of a Kronecker product is that of its factors.
        inverse = tuple(Dense(torch.linalg.pinv(matrix)) for matrix in dense)
        x = along_axes(inverse, B)
        message = f"factor {bad[0]} is singular to rounding; x is the shortest least-squares solution"
        return _singular(x, B - along_axes(wide, x), message)

    def apply(b: Tensor) -> Tensor:
        return _along(factored, b)

    def residual(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rounding = inner * _UNIT * (along_axes(absolute, x.abs()) + B.abs())
        return B - along_axes(wide, x), rounding, rounding

    norm = math.prod(one.inverse_norm_bound() for one in factored)
    condition = math.prod(one.condition for one in factored)

    def error(r: Tensor, rounding: Tensor) -> Tensor:
        out: Tensor = norm * (r.abs() + rounding).amax(dim=0)
        return out

    return _refined(apply, residual, B, error, condition, "kronecker")


def _along(factored: list[DenseFactor], b: Tensor) -> Tensor:
    n, k = b.shape
    left, right = 1, n * k
    for one in factored:
        size = one.A.shape[0]
        right //= size
        flat = b.reshape(left, size, right).transpose(0, 1).reshape(size, left * right)
        b = one.unscaled(flat).reshape(size, left, right).transpose(0, 1)
        left *= size
    return b.reshape(n, k)


def solve_low_rank(A: LowRankPlusDiagonal, B: Tensor) -> Raw | None:
    r"""Solve by Woodbury's formula; ``None`` where it does not apply (a zero on d, singular to rounding).

    The error is proved by :func:`fivefold.linalg.woodbury_error.woodbury_error` applied to the residual in
    doubled precision; where d is positive and A positive also by :math:`\|A^{-1}\|_2 \le 1 / \min d`. The
    smaller bound counts.

    >>> A = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [0.0]])
    >>> solve_low_rank(A, torch.ones(2, 1).double()).x.tolist()
    [[0.5], [1.0]]
    """
    d = A.diagonal.detach().double()
    if bool((d == 0).any()):
        return None
    wide = LowRankPlusDiagonal(
        d,
        A.U.detach().double(),
        None if A.symmetric else A.V.detach().double(),
        weights=A.weights.detach().double(),
    )
    try:
        inverse = wide.inverse()
    except NumericalError:
        return None
    n = len(d)

    def residual(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return low_rank_residual(wide, x, B)

    def error(r: Tensor, rounding: Tensor) -> Tensor:
        by_norm = norm * torch.linalg.vector_norm(r.abs() + rounding, dim=0)
        by_parts = woodbury_error(wide, r, rounding)
        return by_norm if by_parts is None else torch.minimum(by_norm, by_parts.amax(dim=0))

    definite = wide.symmetric and bool((d > 0).all()) and bool((wide.weights >= 0).all())
    norm = float(1 / d.min()) if definite else math.inf
    columns = d.abs() + wide.V.abs() @ (wide.weights.abs() * wide.U.abs().sum(dim=0))
    like = d[:1].expand(n, n)
    estimate = float(inverse_norm_estimate(inverse.apply, inverse.adjoint().apply, like))
    condition = float(columns.max()) * estimate
    return _refined(inverse.apply, residual, B, error, condition, "woodbury")


def solve_blocks(
    A: BlockDiagonal, B: Tensor, solve_one: Callable[[LinearOperator, Tensor], Raw]
) -> Raw | None:
    """Solve block by block and keep the worst of the certificates; ``None`` where a block is not square.

    >>> def one(A, b):
    ...     return DenseFactor(A.to_dense()).solve(b)
    >>> solve_blocks(BlockDiagonal([[2.0]], [[4.0]]), torch.ones(2, 1).double(), one).x.tolist()
    [[0.5], [0.25]]
    """
    if any(block.shape[0] != block.shape[1] for block in A.blocks):
        return None
    parts = torch.split(B, [block.shape[0] for block in A.blocks])
    found = [solve_one(block, part) for block, part in zip(A.blocks, parts, strict=True)]
    severity = (Status.CONVERGED, Status.OUT_OF_BUDGET, Status.STALLED, Status.DIVERGED, Status.ILL_POSED)
    worst = max(range(len(found)), key=lambda i: (severity.index(found[i].status), -found[i].digits))
    conditions = [raw.condition for raw in found]
    known = [c for c in conditions if c is not None]
    said = [f"block {i}: {raw.message}" for i, raw in enumerate(found) if raw.message]
    return Raw(
        torch.cat([raw.x for raw in found]),
        torch.cat([raw.residual for raw in found]),
        max(known) if len(known) == len(conditions) else None,
        min(raw.digits for raw in found),
        f"blocks ({found[worst].method})",
        found[worst].status,
        found[worst].certificates,
        "; ".join(said[:3]),
    )


def _refined(
    apply: Callable[[Tensor], Tensor],
    residual: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]],
    B: Tensor,
    bound: Callable[[Tensor, Tensor], Tensor],
    condition: float,
    method: str,
) -> Raw:
    """Apply, correct by the residual while that helps, and bound the largest error of each column."""
    x = apply(B)
    r, rounding, level = residual(x)
    for _ in range(3):
        moved = x + apply(r)
        new, new_rounding, new_level = residual(moved)
        better = new.norm(dim=0) < r.norm(dim=0)
        x, r, rounding, level = (
            torch.where(better, a, b)
            for a, b in ((moved, x), (new, r), (new_rounding, rounding), (new_level, level))
        )
        if not bool(better.any()):
            break
    size = x.abs().amax(dim=0)
    error = bound(r, rounding)
    relative = float(
        torch.where(size > 0, error / positive(size), torch.where(error > 0, torch.inf, 0.0)).max()
    )
    proved = math.isfinite(relative)
    backward = float((r.abs() / positive(level)).max())
    digits = digits_of(relative) if proved else digits_of(condition * _UNIT)
    trusted = digits >= 1 and (proved or condition * _UNIT < 0.1)
    certificates = (
        Certificate(
            "the residual is at the level of rounding",
            Kind.PROOF,
            backward <= 10,
            bound=10.0,
            value=backward,
            method="max |r| / (what rounding can do to |A| |x| + |b|), entry by entry",
        ),
        forward(
            relative if proved else None,
            "the inverse is not known well enough",
            "a proven bound of |A^-1 (b - Ax)|, rounding added",
        ),
    )
    message = "" if trusted else "no digit of x can be trusted"
    status = Status.CONVERGED if trusted else Status.ILL_POSED
    return Raw(x, r, condition, digits, method, status, certificates, message)


def _singular(x: Tensor, residual: Tensor, message: str) -> Raw:
    certificate = Certificate(
        "A is regular to rounding",
        Kind.INDICATOR,
        False,
        method="1-norm condition of a factor against 0.1 / u",
    )
    return Raw(
        x, residual, math.inf, 0.0, "minimum-norm", Status.ILL_POSED,
        (certificate, forward(None, "A is singular to rounding")), message,
    )  # fmt: skip
