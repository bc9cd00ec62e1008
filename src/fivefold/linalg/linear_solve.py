"""Square systems with a certificate: the method follows the structure of the operator."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, singledispatch
from typing import Literal, get_args

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.compose import Scaled
from fivefold.linalg.conjugate_gradients import ConjugateGradients, cg
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.dense_solve import DenseFactor, Raw, digits_of, forward, positive
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.fong2011lsmr import lsmr
from fivefold.linalg.kronecker import Kronecker
from fivefold.linalg.krylov import Krylov, residual_certificate
from fivefold.linalg.least_squares import lstsq
from fivefold.linalg.low_rank import LowRankPlusDiagonal
from fivefold.linalg.memory import require_memory
from fivefold.linalg.mixed_precision import solve_mixed
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.paige1975minres import minres
from fivefold.linalg.preconditioners import preconditioner_of
from fivefold.linalg.structured_solve import solve_blocks, solve_kronecker, solve_low_rank

_UNIT = 2.0**-53
_DENSE = 3000  # an operator up to this size is made dense: nine million numbers, a second of work

Solver = Literal["auto", "dense", "qr", "mixed", "cg", "minres", "lsmr"]


@dataclass(frozen=True, eq=False)
class Solution:
    r"""The solution of :math:`A x = b` and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``; where A is singular, the shortest least-squares solution.
        residual: :math:`b - A x`, in the shape of b.
        condition: Estimated 1-norm condition of the equilibrated matrix; ``None`` where not estimated.
        digits: Decimal digits of x (largest entry, equilibrated) that the error bound or the condition
            vouches for; 0 where none.
        method: ``"cholesky"``, ``"lu"``, ``"lu in float32, refined"``, ``"qr"``, ``"diagonal"``,
            ``"kronecker"``, ``"woodbury"``, ``"blocks (…)"``, ``"cg"``, ``"minres"``, ``"lsmr"``,
            ``"minimum-norm"``.
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


def solve(
    A: Array | LinearOperator,
    b: Array,
    *,
    method: Solver = "auto",
    preconditioner: Array
    | LinearOperator
    | Literal["jacobi", "low-rank", "incomplete-cholesky"]
    | None = None,
    tolerance: float = 1e-10,
    budget: Budget | None = None,
) -> Solution:
    r"""Solve :math:`A x = b` and certify the answer.

    Diagonal operators divide; Kronecker products, block diagonals and low rank plus diagonal are solved
    through their parts. A symmetric matrix is tried by Cholesky, any other by LU, rows and columns scaled
    by powers of two, with residuals in doubled precision where cheap. Operators larger than 3000 without
    such structure go to conjugate gradients where they are positive, to MINRES where symmetric, else to
    LSMR.

    Up to size 1000 the forward error is proved with an approximate inverse Y:
    :math:`\|x^* - x\|_\infty \le \|Y r\|_\infty / (1 - \|I - Y A\|_\infty)`.

    Source: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapters 9, 10, 12;
    S. M. Rump, "Verification methods", Acta Numerica 19 (2010), section 10.

    Args:
        A: ``[n, n]``: array, tensor or operator.
        b: ``[n]`` or ``[n, k]``.
        method: Chosen by structure unless given. ``"dense"``: Cholesky or LU; ``"qr"``: as least squares;
            ``"mixed"``: a float32 factor refined to float64; the others iterate.
        preconditioner: For conjugate gradients and MINRES: a matrix or operator close to the inverse of A,
            ``"jacobi"``, ``"low-rank"``, or ``"incomplete-cholesky"`` for a sparse matrix.
        tolerance: Relative residual at which iterations stop; direct methods do not use it.
        budget: What iterations may spend.

    Returns:
        The solution in the kind of b, with certificates.

    Raises:
        ArgumentError: Not square, sizes that do not fit, an empty or not finite input, a preconditioner
            for a method without one, or more memory than is free.
        NumericalError: A preconditioner of a matrix that is not positive definite.

    >>> s = solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    >>> s.x.round(12).tolist(), s.method, s.digits > 14
    ([0.8, 1.4], 'cholesky', True)
    """
    numpy = wants_numpy(A, b)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    require(method in get_args(Solver), f"a method of {', '.join(get_args(Solver))}", repr(method))
    require(0 < tolerance < math.inf, "a positive tolerance of the relative residual", tolerance)
    n = operator.shape[0]
    target = to_tensor(b, "b", dims=(1, 2)).detach()
    require(target.shape[0] == n, f"b with {n} rows", f"shape {tuple(target.shape)}")
    dtype = torch.promote_types(operator.dtype, target.dtype)
    B = target.to(device=operator.device, dtype=torch.float64)
    B = B[:, None] if target.ndim == 1 else B
    if method == "auto" and preconditioner is None:
        raw = _solve(operator, B, tolerance, budget)
    elif method in ("dense", "qr", "mixed"):
        require(preconditioner is None, "a preconditioner for cg or minres alone", method)
        matrix = _matrix(operator)
        raw = _by_qr(matrix, B) if method == "qr" else (
            _dense(matrix, B) if method == "dense" else solve_mixed(matrix, B, budget)
        )  # fmt: skip
    else:
        chosen = (
            method
            if method != "auto"
            else "cg"
            if operator.positive or isinstance(operator, Dense)
            else "minres"
        )
        raw = _iterated(operator, B, chosen, preconditioner, tolerance, budget)

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
def _solve(A: LinearOperator, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    if A.shape[0] <= _DENSE:
        return _dense(_matrix(A), B)
    chosen = "cg" if A.positive else "minres" if A.symmetric else "lsmr"
    return _iterated(A, B, chosen, None, tolerance, budget)


@_solve.register
def _(A: Dense, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    return _dense(_matrix(A), B)


@_solve.register
def _(A: Identity, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    return _divided(torch.ones_like(B[:, 0]), B)


@_solve.register
def _(A: Diagonal, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    return _divided(A.entries.detach().double(), B)


@_solve.register
def _(A: Scaled, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    if A.scalar == 0:
        return _divided(torch.zeros_like(B[:, 0]), B)
    if A.shape[0] <= _DENSE:
        return _dense(_matrix(A), B)
    raw = _solve(A.operator, B / A.scalar, tolerance, budget)
    return replace(raw, residual=raw.residual * A.scalar)


@_solve.register
def _(A: Kronecker, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    if max(max(factor.shape) for factor in A.factors) <= _DENSE:
        raw = solve_kronecker(A, B)
        if raw is not None:
            return raw
    return _plain(A, B, tolerance, budget)


@_solve.register
def _(A: LowRankPlusDiagonal, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    raw = solve_low_rank(A, B)
    # What Woodbury leaves without digits is solved densely where that is affordable.
    if raw is not None and (raw.status.succeeded or A.shape[0] > _DENSE):
        return raw
    return _plain(A, B, tolerance, budget)


@_solve.register
def _(A: BlockDiagonal, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    raw = solve_blocks(A, B, lambda block, part: _solve(block, part, tolerance, budget))
    return _plain(A, B, tolerance, budget) if raw is None else raw


def _plain(A: LinearOperator, B: Tensor, tolerance: float, budget: Budget | None) -> Raw:
    raw: Raw = _solve.dispatch(LinearOperator)(A, B, tolerance, budget)
    return raw


def _matrix(A: LinearOperator) -> Tensor:
    n = A.shape[0]
    if not isinstance(A, Dense):
        require_memory(24 * n * n, "a dense matrix and its factor", "iterate: method='lsmr'", A.device)
    return A.to_dense().detach().double()


def _dense(A: Tensor, B: Tensor) -> Raw:
    return DenseFactor(A).solve(B)


def _by_qr(A: Tensor, B: Tensor) -> Raw:
    fit = lstsq(A, B)
    x, residual = torch.as_tensor(fit.x), torch.as_tensor(fit.residual)
    return Raw(
        x, residual, fit.condition, fit.digits, fit.method, fit.status, fit.certificates, fit.message
    )  # fmt: skip


def _iterated(
    A: LinearOperator,
    B: Tensor,
    method: str,
    preconditioner: Array | LinearOperator | str | None,
    tolerance: float,
    budget: Budget | None,
) -> Raw:
    run: ConjugateGradients | Krylov
    if method == "lsmr":
        require(preconditioner is None, "a preconditioner for cg or minres alone", method)
        run = lsmr(A, B.to(A.dtype), tolerance=tolerance, budget=budget)
    else:
        M = preconditioner_of(A, preconditioner)
        iterate = partial(cg if method == "cg" else minres, preconditioner=M, tolerance=tolerance)
        run = iterate(A, B.to(A.dtype), budget=budget)
    x = torch.as_tensor(run.x).double()
    residual = B - A.apply(x).double()
    relative = float((residual.norm(dim=0) / positive(B.norm(dim=0))).max())
    status, message = run.status, run.message
    certificate = residual_certificate(relative, tolerance)
    if status is Status.CONVERGED and not certificate.holds:
        # LSMR also ends at a least-squares solution; for a square system that means singular.
        status = Status.ILL_POSED if method == "lsmr" else Status.STALLED
        message = "no x solves the system: x is a least-squares solution, to the tolerance"
        message = message if method == "lsmr" else "the residual of A x = b is above the tolerance"
    unknown = forward(None, "no bound of the smallest eigenvalue is known")
    return Raw(x, residual, None, 0.0, method, status, (certificate, unknown), message)


def _divided(d: Tensor, B: Tensor) -> Raw:
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
    digits = 0.0 if singular else digits_of(_UNIT)
    return Raw(x, residual, None, digits, "diagonal", status, (certificate,), message)


def reusable(A: LinearOperator) -> Callable[[Tensor], Raw] | None:
    """Return a solver whose factor is made once, where ``solve`` would factor at each call; else ``None``.

    >>> reusable(Dense([[2.0]]))(torch.ones(1, 1).double()).x.item()
    0.5
    """
    structured = (Identity, Diagonal, Kronecker, LowRankPlusDiagonal, BlockDiagonal, Scaled)
    if isinstance(A, structured) or (A.shape[0] > _DENSE and not isinstance(A, Dense)):
        return None
    return DenseFactor(_matrix(A)).solve
