"""Square systems with a certificate: the method follows the structure of the operator."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.compose import Scaled
from fivefold.linalg.condition_estimate import inverse_norm_estimate
from fivefold.linalg.conjugate_gradients import cg
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.doubled import plain_or_doubled_residual
from fivefold.linalg.householder import power_of_two_norms
from fivefold.linalg.least_squares import lstsq
from fivefold.linalg.operator import LinearOperator, require_matrix

_UNIT = 2.0**-53
_DENSE = 3000  # an operator up to this size is made dense: nine million numbers, a second of work
_PROVED = 1000  # up to this size the inverse is formed, which turns the estimate of the error into a proof


@dataclass(frozen=True, eq=False)
class Solution:
    r"""The solution of :math:`A x = b` and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``; where A is singular, the shortest least-squares solution.
        residual: :math:`b - A x`, in the shape of b.
        condition: Estimated 1-norm condition of the equilibrated matrix; ``None`` where not estimated.
        digits: Decimal digits of x (largest entry, equilibrated) that the error bound or the condition
            vouches for; 0 where none.
        method: ``"cholesky"``, ``"lu"``, ``"diagonal"``, ``"cg"``, ``"normal cg"``, ``"minimum-norm"``.
        status: ``CONVERGED``, ``ILL_POSED`` where A is singular to rounding, or how the iteration ended.
        certificates: Backward error, forward error.
        message: What is the matter, or an empty string.
    """

    x: Array
    residual: Array
    condition: float | None
    digits: float
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


@dataclass(frozen=True, eq=False)
class _Raw:
    x: Tensor
    residual: Tensor
    condition: float | None
    digits: float
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str = ""


def solve(
    A: Array | LinearOperator, b: Array, *, tolerance: float = 1e-10, budget: Budget | None = None
) -> Solution:
    r"""Solve :math:`A x = b` and certify the answer.

    Diagonal operators divide. A symmetric matrix is tried by Cholesky, any other by LU, rows and columns
    scaled by powers of two, with residuals in doubled precision where cheap. Operators larger than 3000
    without a dense form go to conjugate gradients: on A where it is positive, else on
    :math:`A^\top A x = A^\top b`, which squares the condition.

    Up to size 1000 the forward error is proved with an approximate inverse Y:
    :math:`\|x^* - x\|_\infty \le \|Y r\|_\infty / (1 - \|I - Y A\|_\infty)`.

    Source: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapters 9, 10, 12;
    S. M. Rump, "Verification methods", Acta Numerica 19 (2010), section 10.

    Args:
        A: ``[n, n]``: array, tensor or operator.
        b: ``[n]`` or ``[n, k]``.
        tolerance: Relative residual at which conjugate gradients stop; direct methods do not use it.
        budget: What conjugate gradients may spend.

    Returns:
        The solution in the kind of b, with certificates.

    Raises:
        ArgumentError: Not square, sizes that do not fit, an empty or not finite input.

    >>> s = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    >>> s.x.round(12).tolist(), s.method, s.digits > 14
    ([0.8, 1.4], 'cholesky', True)
    """
    numpy = wants_numpy(A, b)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    n = operator.shape[0]
    target = to_tensor(b, "b", dims=(1, 2)).detach()
    require(target.shape[0] == n, f"b with {n} rows", f"shape {tuple(target.shape)}")
    dtype = torch.promote_types(operator.dtype, target.dtype)
    B = target.to(device=operator.device, dtype=torch.float64)
    raw = _solve(operator, B[:, None] if target.ndim == 1 else B, tolerance, budget)

    def kind(t: Tensor) -> Array:
        t = t.reshape(target.shape).to(dtype)
        return t.detach().cpu().numpy() if numpy else t

    digits = min(raw.digits, -math.log10(torch.finfo(dtype).eps / 2))
    return Solution(
        kind(raw.x),
        kind(raw.residual),
        raw.condition,
        digits,
        raw.method,
        raw.status,
        raw.certificates,
        raw.message,
    )


@singledispatch
def _solve(A: LinearOperator, B: Tensor, tolerance: float, budget: Budget | None) -> _Raw:
    if A.shape[0] <= _DENSE:
        return _dense(A.to_dense().detach().double(), B)
    if A.positive:
        run = cg(A, B.to(A.dtype), tolerance=tolerance, budget=budget)
        method = "cg"
    else:
        run = cg(A.H @ A, A.H @ B, tolerance=tolerance, budget=budget)
        method = "normal cg"
    x = run.x.double()
    residual = B - (A @ x).double()
    relative = float((residual.norm(dim=0) / _positive(B.norm(dim=0))).max())
    residual_certificate = Certificate(
        "|b - Ax| <= tolerance |b|",
        Kind.PROOF,
        relative <= tolerance,
        bound=tolerance,
        value=relative,
        method="residual computed anew from x",
    )
    certificates = (residual_certificate, _forward(None, "no bound of the smallest eigenvalue is known"))
    status = run.status
    message = run.message
    if status is Status.CONVERGED and not residual_certificate.holds:
        status, message = Status.STALLED, "the normal equations converged before the residual of A x = b did"
    return _Raw(x, residual, None, 0.0, method, status, certificates, message)


@_solve.register
def _(A: Dense, B: Tensor, tolerance: float, budget: Budget | None) -> _Raw:
    return _dense(A.matrix.detach().double(), B)


@_solve.register
def _(A: Identity, B: Tensor, tolerance: float, budget: Budget | None) -> _Raw:
    return _divided(torch.ones_like(B[:, 0]), B)


@_solve.register
def _(A: Diagonal, B: Tensor, tolerance: float, budget: Budget | None) -> _Raw:
    return _divided(A.entries.detach().double(), B)


@_solve.register
def _(A: Scaled, B: Tensor, tolerance: float, budget: Budget | None) -> _Raw:
    if A.scalar == 0 or A.shape[0] <= _DENSE:
        return _dense(A.to_dense().detach().double(), B) if A.scalar else _singular_zero(B)
    return _solve(A.operator, B / A.scalar, tolerance, budget)


def _singular_zero(B: Tensor) -> _Raw:
    return _divided(torch.zeros_like(B[:, 0]), B)


def _divided(d: Tensor, B: Tensor) -> _Raw:
    zero = d == 0
    x = torch.where(zero[:, None], 0.0, B / torch.where(zero, 1.0, d)[:, None])
    singular = int(zero.sum())
    residual = torch.where(zero[:, None], B, 0.0)
    certificate = Certificate(
        "every entry of x is correct to one rounding",
        Kind.PROOF,
        singular == 0,
        bound=_UNIT,
        method="one division an entry",
    )
    message = f"{singular} of {len(d)} diagonal entries are zero; x is zero there" if singular else ""
    status = Status.ILL_POSED if singular else Status.CONVERGED
    return _Raw(x, residual, None, 0.0 if singular else 15.9, "diagonal", status, (certificate,), message)


def _dense(A: Tensor, B: Tensor) -> _Raw:
    n = A.shape[0]
    # Equilibrate by powers of two; E = diag(rows) A diag(columns) stays symmetric where A is.
    symmetric = bool((A.mT == A).all())
    diagonal = A.diagonal()
    L: Tensor | None = None
    if symmetric and bool((diagonal > 0).all()):
        rows = columns = torch.exp2(-(diagonal.log2() / 2).round())
        E = A * rows[:, None] * columns
        factor, info = torch.linalg.cholesky_ex(E)
        L = factor if int(info) == 0 else None
    if L is not None:
        method, factor = "cholesky", L

        def apply(b: Tensor) -> Tensor:
            return torch.cholesky_solve(b, factor)

        adjoint = apply
    else:
        method = "lu"
        rows = 1 / power_of_two_norms(A.mT)
        E = A * rows[:, None]
        columns = 1 / power_of_two_norms(E)
        E = E * columns
        LU, pivots, info = torch.linalg.lu_factor_ex(E)
        if int(info) != 0:
            return _singular(A, B, "an exact zero pivot")

        def apply(b: Tensor) -> Tensor:
            out: Tensor = torch.linalg.lu_solve(LU, pivots, b)
            return out

        def adjoint(b: Tensor) -> Tensor:
            out: Tensor = torch.linalg.lu_solve(LU, pivots, b, adjoint=True)
            return out

    condition = float(E.abs().sum(dim=0).max() * inverse_norm_estimate(apply, adjoint, E))
    if not condition * _UNIT < 0.1:
        return _singular(A, B, f"the estimated condition {condition:.1e} leaves no digit")
    target = B * rows[:, None]
    z = apply(target)
    high, low, unit = plain_or_doubled_residual(E, z, target)
    step = apply(high)
    for _ in range(3):
        moved = z + step
        new_high, new_low, _ = plain_or_doubled_residual(E, moved, target)
        # The next correction measures the error; the residual is near rounding from the start and does not.
        new_step = apply(new_high)
        better = new_step.abs().amax(dim=0) < step.abs().amax(dim=0)
        z, high, low, step = (
            torch.where(better, a, b)
            for a, b in ((moved, z), (new_high, high), (new_low, low), (new_step, step))
        )
        if not bool(better.any()):
            break
    r = high + low
    rounding = (n + 2) ** 2 * unit * (E.abs() @ z.abs() + target.abs())
    size = z.abs().amax(dim=0)
    backward = float((r.abs() / _positive(E.abs() @ z.abs() + target.abs())).max())
    relative, proved = _error(E, apply, r, rounding, size)
    digits = _digits(relative if proved else condition * _UNIT)
    certificates = (
        Certificate(
            "x solves a system whose entries differ from A and b by rounding",
            Kind.PROOF,
            backward <= 10 * n * _UNIT,
            bound=10 * n * _UNIT,
            value=backward,
            method="componentwise backward error max |r| / (|A| |x| + |b|) (Oettli and Prager 1964)",
        ),
        _forward(relative if proved else None, "the inverse is not formed, or not accurate enough"),
    )
    trusted = digits >= 1
    message = "" if trusted else "no digit of x can be trusted"
    status = Status.CONVERGED if trusted else Status.ILL_POSED
    x = z * columns[:, None]
    residual = r / rows[:, None]
    return _Raw(x, residual, condition, digits, method, status, certificates, message)


def _error(
    E: Tensor, apply: Callable[[Tensor], Tensor], r: Tensor, rounding: Tensor, size: Tensor
) -> tuple[float, bool]:
    """Proved relative error in the largest entry, where the inverse is affordable and accurate enough."""
    n = E.shape[0]
    if n > _PROVED:
        return math.inf, False
    identity = torch.eye(n, dtype=E.dtype, device=E.device)
    Y = apply(identity)
    defect = (identity - Y @ E).abs() + (n + 2) * _UNIT * (Y.abs() @ E.abs() + identity)
    alpha = float(defect.sum(dim=1).max())
    if not alpha < 1:
        return math.inf, False
    step = (Y @ r).abs() + Y.abs() @ (rounding + (n + 2) * _UNIT * r.abs())
    bound = step.amax(dim=0) / (1 - alpha)
    relative = torch.where(size > 0, bound / _positive(size), torch.where(bound > 0, torch.inf, 0.0))
    return float(relative.max()), True


def _singular(A: Tensor, B: Tensor, why: str) -> _Raw:
    fit = lstsq(A, B, method="minimum-norm")
    certificate = Certificate(
        "A is regular to rounding",
        Kind.INDICATOR,
        False,
        bound=0.1 / _UNIT,
        value=fit.condition if math.isfinite(fit.condition) else None,
        method="zero pivot or 1-norm condition estimate against 0.1 / u",
    )
    message = f"A is singular to rounding ({why}); x is the shortest least-squares solution"
    certificates = (certificate, _forward(None, "A is singular to rounding"))
    return _Raw(
        fit.x,
        fit.residual,
        math.inf,
        0.0,
        "minimum-norm",
        Status.ILL_POSED,
        certificates,
        message,
    )


def _forward(relative: float | None, unknown: str) -> Certificate:
    return Certificate(
        "x has at least one correct digit: |x* - x| <= 0.1 |x| in the largest entry",
        Kind.PROOF,
        None if relative is None else relative <= 0.1,
        bound=0.1,
        value=relative,
        assumptions=("no overflow or underflow", "the solution before it is rounded to its dtype"),
        method=f"unknown: {unknown}"
        if relative is None
        else "|Yr| / (1 - |I - YA|), Y an approximate inverse",
    )


def _positive(t: Tensor) -> Tensor:
    return torch.where(t > 0, t, torch.ones_like(t))


def _digits(relative: float) -> float:
    return max(0.0, min(15.9, -math.log10(relative))) if relative > 0 else 15.9
