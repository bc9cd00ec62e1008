"""Least squares over batches of rows: normal equations where they are safe, stacked QR where they are not."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.doubled import two_sum
from fivefold.linalg.householder import decided_rank, default_tolerance, rank_certificate
from fivefold.linalg.least_squares_certificates import forward_certificate, shortest, trusted_digits
from fivefold.linalg.moments import Moments, moments
from fivefold.linalg.row_batches import BLOCK, Pairs, RowBatches
from fivefold.linalg.short_products import SHORT, short_products
from fivefold.linalg.stacked_triangle import stacked_triangle

SQUARED = 1e7
"""The Gram matrix squares the condition: above this one, QR is taken at once."""

_PASSES = 3  # corrections at most: each leaves a part theta of the error, down to the rounding of residuals

_UNIT = 2.0**-53
_THETA = 0.25  # how much of the smallest eigenvalue rounding may be, for the Gram matrix to be used


@dataclass(frozen=True, eq=False)
class BatchedLeastSquares:
    r"""The solution of :math:`\min \sum_i \|y_i - X_i x - b\|^2` over batches, and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``; of all minimisers the shortest where ``rank < n``.
        intercept: b, a scalar or ``[k]``; zero where none was asked for.
        rows: m.
        passes: How often the batches were read.
        residual_norm: :math:`\|y - X x - b\|`, a scalar or ``[k]``.
        rank: The numerical rank of X with columns of unit norm (about their means where there is an
            intercept).
        singular_values: Of that matrix, descending, ``[n]``.
        condition: Their ratio; infinite where the rank is deficient.
        error_bound: Bound of the absolute error of each coefficient, in the shape of x; infinite where no
            bound is known.
        digits: Decimal digits of x (in norm, columns scaled) that the bound vouches for; 0 where none.
        method: ``"gram"``, ``"tsqr"`` or ``"minimum-norm"`` (by TSQR).
        status: ``CONVERGED``, or ``ILL_POSED`` where x is not unique or has no digit to trust.
        certificates: Full rank, gradient, forward error.
        message: What is the matter and why a slower method was taken, or an empty string.
    """

    x: Array
    intercept: Array
    rows: int
    passes: int
    residual_norm: Array
    rank: int
    singular_values: Array
    condition: float
    error_bound: Array
    digits: float
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def lstsq_batches(
    batches: Pairs,
    *,
    intercept: bool = False,
    penalty: float = 0.0,
    method: Literal["auto", "gram", "tsqr"] = "auto",
    tolerance: float | None = None,
) -> BatchedLeastSquares:
    r"""Solve :math:`\min_{x, b} \sum_i \|y_i - X_i x - b\|^2 + \lambda \|x\|^2`, holding one batch at a time.

    .. math:: (X_c^\top X_c + \lambda I)\, x = X_c^\top y_c, \qquad b = \bar y - \bar x^\top x

    One pass sums the products about a point near the mean, in float64. They are used where the condition is
    below 1e7 and rounding cannot have moved the smallest eigenvalue by a quarter; otherwise a pass of stacked
    QR (TSQR) follows, which does not square the condition. Where the bound of the error is not yet below the
    rounding of the input's dtype, and the batches can be read again, up to three passes correct the
    solution with residuals from the rows themselves; one is enough but near that limit.

    Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Am. Stat. 37 (1983), for the shift; J. Demmel et al.,
    SIAM J. Sci. Comput. 34 (2012), for TSQR; Å. Björck, Linear Algebra Appl. 88/89 (1987), for the last step.

    Args:
        batches: Pairs ``(X_i, y_i)``, ``[m_i, n]`` and ``[m_i]`` or ``[m_i, k]``: a list, a function that
            returns a fresh iterable at each call, or an iterator, which can be read once.
        intercept: Whether to fit b.
        penalty: :math:`\lambda`, not negative; b is not penalised.
        method: ``"gram"`` refuses to go on where it is not safe; ``"tsqr"`` takes one pass of QR.
        tolerance: Singular values below this times the largest count as zero; ``max(m, n)`` float64
            roundings by default, or those of QR over the batches where they are larger.

    Returns:
        The solution in the kind of the batches and their dtype, with certificates.

    Raises:
        ArgumentError: A bad argument, NaN or infinities, fewer rows than columns without a penalty, an
            iterator where a second pass is needed, or ``method="gram"`` where it is not safe.
        DataError: No rows, batches of different widths, or other rows at a later pass.

    >>> def read():
    ...     yield [[1.0], [2.0]], [3.0, 5.0]
    ...     yield [[3.0]], [7.0]
    >>> fit = lstsq_batches(read, intercept=True)
    >>> round(fit.x.item(), 12), round(fit.intercept.item(), 12), fit.method, fit.rows
    (2.0, 1.0, 'gram', 3)
    """
    require(method in ("auto", "gram", "tsqr"), "a method among 'auto', 'gram', 'tsqr'", repr(method))
    require(math.isfinite(penalty) and penalty >= 0, "a finite penalty that is not negative", penalty)
    require(tolerance is None or 0 < tolerance < 1, "a rank tolerance between 0 and 1", tolerance)
    source = RowBatches(batches)
    sums: Moments | None = None
    system: _System | None = None
    why = ""
    if method != "tsqr":
        sums = moments(source.batches(), centre=intercept)
        _require_rows(sums.rows, source, penalty)
        system, why = _from_moments(sums, source, intercept, penalty)
        require(
            system is not None or method != "gram",
            "a condition that allows the Gram matrix",
            why,
            "use method='auto' or 'tsqr'",
        )
        require(
            system is not None or source.again,
            "batches that can be read again, for a pass of QR",
            f"an iterator, which can be read only once; {why}",
            "pass a function that returns a fresh iterable, or method='tsqr'",
        )
    if system is None:
        system = _from_rows(source, sums, intercept, penalty)
        _require_rows(system.rows, source, penalty)
    return _solved(system, source, tolerance, why, intercept)


def _require_rows(rows: int, source: RowBatches, penalty: float) -> None:
    assert source.width is not None
    require(
        rows >= source.width or penalty > 0,
        f"at least as many rows as the {source.width} columns",
        f"{rows} rows",
        "add rows, drop columns, or set a penalty",
    )


@dataclass(frozen=True, eq=False)
class _System:
    """Columns scaled to unit norm (about the mean where there is an intercept): A z = c, and its factors."""

    rows: int
    centre: Tensor  # [n + k], what rows are centred by
    units: Tensor  # [n], columns of X over this have unit norm
    unit_of_y: Tensor  # [k], the power of two that y is divided by
    ridge: Tensor  # [n], the penalty in these units
    R: Tensor  # [n, n], R'R = A + ridge
    c: Tensor  # [n, k], R^-T times the right-hand side: Q'y
    spare: Tensor  # [k], norm of the residual beside the penalty's part, in units of y
    y_norm: Tensor  # [k]
    slack: float  # |E|_2 <= slack: what rounding did to A (Gram), or to the matrix itself (QR)
    entry: float  # the same bound by entries, for columns of unit norm
    squared: bool


def _from_moments(
    sums: Moments, source: RowBatches, intercept: bool, penalty: float
) -> tuple[_System | None, str]:
    n = source.width
    assert n is not None
    G = sums.centred() if intercept else sums.gram
    diagonal = G.diagonal()
    spread = torch.where(diagonal > 0, diagonal, torch.ones_like(diagonal)).sqrt()
    # The shift is near the mean and not the mean: what rounding sees is the spread about the shift.
    wide = sums.gram.diagonal().clamp(min=0).sqrt() / spread
    A = G[:n, :n] / torch.outer(spread[:n], spread[:n])
    units = spread[:n] * sums.scale[:n]
    ridge = penalty / units / units
    A = A + torch.diag(ridge)
    values = torch.linalg.eigvalsh(A)
    # The factor of A is that of a matrix whose entries differ by (n + 4) u of its diagonal.
    factor = (n + 4) * _UNIT
    entry = sums.growth * float(wide.max()) ** 2 + factor * float(A.diagonal().max())
    slack = sums.growth * float((wide[:n] ** 2).sum()) + factor * float(A.trace())
    top, bottom = float(values[-1]), float(values[0])
    if bottom <= 0 or top > SQUARED**2 * bottom or slack > _THETA * bottom:
        size = f"{math.sqrt(top / bottom):.1e}" if bottom > slack else f"above {math.sqrt(top / slack):.0e}"
        return None, f"the condition, {size}, is too large to be squared by the Gram matrix"
    R = torch.linalg.cholesky(A).mT
    y_units = spread[n:]
    c = torch.linalg.solve_triangular(R.mT, G[:n, n:] / spread[:n, None], upper=False)
    left = (G[n:, n:].diagonal() - c.square().sum(dim=0)).clamp(min=0) + sums.growth * G[n:, n:].diagonal()
    return _System(
        sums.rows,
        sums.mean if intercept else sums.shift,
        units,
        sums.scale[n:],
        ridge,
        R,
        c,
        left.sqrt(),
        y_units,
        slack,
        entry,
        True,
    ), ""


def _from_rows(source: RowBatches, sums: Moments | None, intercept: bool, penalty: float) -> _System:
    shift, scale = (None, None) if sums is None else (sums.shift, sums.scale)
    whole, shift, scale, rows, blocks = stacked_triangle(
        source.blocks(), shift, scale, ones=intercept, penalty=penalty
    )
    n, first = source.width, int(intercept)
    assert n is not None
    centre = shift
    if intercept and rows:
        centre = shift + whole[0, 1:] / whole[0, 0] * scale
    full = torch.zeros((whole.shape[1], whole.shape[1]), dtype=whole.dtype, device=whole.device)
    full[: whole.shape[0]] = whole
    R, c, left = (
        full[first : first + n, first : first + n],
        full[first : first + n, first + n :],
        full[first + n :],
    )
    norms = R.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    left = left[:, first + n :].norm(dim=0)
    # Backward error of each QR of a block under what came before; the first rows pass through all of them.
    entry = 10 * (BLOCK + n + blocks) * _UNIT
    return _System(
        rows,
        centre,
        norms * scale[:n],
        scale[n:],
        penalty / (norms * scale[:n]) ** 2,
        R / norms,
        c,
        left,
        (c.square().sum(dim=0) + left.square()).sqrt(),
        entry * math.sqrt(n),
        entry,
        False,
    )


def _solved(
    system: _System, source: RowBatches, tolerance: float | None, why: str, intercept: bool
) -> BatchedLeastSquares:
    R, c, n = system.R, system.c, system.R.shape[0]
    U, s, Vt = torch.linalg.svd(R)
    tau = tolerance or default_tolerance(system.rows, n, source.dtype)
    rank = decided_rank(s, tau)
    unique = rank == n
    shape = (system.rows, n)
    if unique:
        chosen = "gram" if system.squared else "tsqr"
        z = torch.linalg.solve_triangular(R, c, upper=True)
    else:
        chosen = "minimum-norm"
        z = shortest(U[:, :rank], s[:rank], Vt[:rank], c, system.units)
    error, gradient, left = _one_pass_error(system, s, z)
    cast = torch.finfo(source.dtype).eps / 2 if source.dtype != torch.float64 else 0.0
    size = z.norm(dim=0)
    good = bool((error.norm(dim=0) <= max(cast, _UNIT) * size).all())
    if source.again and (not unique or not good):
        for _ in range(_PASSES):
            z, error, gradient, left, again = _corrected(system, source, s, z, unique)
            if not again or bool((error.norm(dim=0) <= max(cast, _UNIT) * size).all()):
                break
    if not unique:
        error = torch.full_like(z, torch.inf)
    relative = torch.where(
        size > 0, error.norm(dim=0) / size, torch.where(error.norm(dim=0) > 0, torch.inf, 0.0)
    )
    digits = trusted_digits(float((relative + cast).max()))
    back = system.unit_of_y / system.units[:, None]
    x, bound = z * back, (error + cast * z.abs()) * back
    means = system.centre[:n], system.centre[n:]
    b = means[1] - means[0] @ x if intercept else torch.zeros_like(means[1])
    certificates = (
        rank_certificate(s, rank, tau, n),
        _gradient(gradient, left, z, system),
        forward_certificate(relative + cast, unique, "|G^-1| applied to the gradient and its rounding"),
    )
    message = ""
    if not unique:
        message = (
            f"rank {rank} of {n}: the coefficients are not unique; this is the shortest solution, "
            "and only its predictions are determined"
        )
    elif digits < 1:
        message = f"condition {float(s[0] / s[-1]):.1e}: no digit of the coefficients can be trusted"
    status = Status.ILL_POSED if message else Status.CONVERGED
    message = "; ".join(part for part in (message, why and f"solved by QR: {why}") if part)

    def kind(t: Tensor) -> Array:
        t = t[..., 0] if source.vector else t
        t = t.to(source.dtype)
        return t.cpu().numpy() if source.numpy else t

    values = s.to(source.dtype)
    return BatchedLeastSquares(
        x=kind(x),
        intercept=kind(b),
        rows=shape[0],
        passes=source.passes,
        residual_norm=kind(left * system.unit_of_y),
        rank=rank,
        singular_values=values.cpu().numpy() if source.numpy else values,
        condition=float(s[0] / s[-1]) if unique else math.inf,
        error_bound=kind(bound),
        digits=digits,
        method=chosen,
        status=status,
        certificates=certificates,
        message=message,
    )


def _theta(system: _System, s: Tensor) -> float:
    """How far the inverse of the factored matrix can be from the true one, relatively."""
    bottom = float(s[-1]) ** 2 if system.squared else float(s[-1])
    return system.slack / bottom if bottom > 0 else math.inf


def _one_pass_error(system: _System, s: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bound for z without another look at the rows; the gradient it leaves and the residual's norm."""
    theta = _theta(system, s)
    weight = z.abs().sum(dim=0) + system.y_norm
    entry = system.entry + (len(z) + 2) * _UNIT
    if not theta < 0.5:
        return torch.full_like(z, torch.inf), torch.zeros_like(z), system.spare
    inverse = torch.linalg.solve_triangular(system.R, torch.eye(len(z)).to(z), upper=True)
    gram_inverse = (inverse @ inverse.mT).abs()
    if system.squared:
        gradient = system.R.mT @ (system.c - system.R @ z)
        error = gram_inverse @ (gradient.abs() + entry * weight)
    else:
        gradient = torch.zeros_like(z)
        spread = torch.linalg.vector_norm(inverse, dim=1, keepdim=True)
        error = spread * entry * weight + gram_inverse.sum(dim=1, keepdim=True) * entry * system.spare
    return error / (1 - theta) ** 2, gradient, system.spare


def _corrected(
    system: _System, source: RowBatches, s: Tensor, z: Tensor, unique: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, bool]:
    """One step with the gradient from the rows, the bound that it gives, and whether another one pays."""
    n = len(z)
    gradient, rest = torch.zeros_like(z), torch.zeros_like(z)
    squares = torch.zeros_like(system.y_norm)
    for X, Y in source.blocks():
        part = (X.double() - system.centre[:n]) / system.units
        r = (Y.double() - system.centre[n:]) / system.unit_of_y - part @ z
        product, low = short_products(part, r)
        gradient, more = two_sum(gradient, product)
        rest += more + low
        squares += r.square().sum(dim=0)
    gradient = gradient + rest - system.ridge[:, None] * z
    left = squares.sqrt()
    theta = _theta(system, s)
    if not unique or not theta < 0.5:
        return z, torch.full_like(z, torch.inf), gradient, left, False
    inverse = torch.linalg.solve_triangular(system.R, torch.eye(n).to(z), upper=True)
    step = inverse @ (inverse.mT @ gradient)
    gram_inverse = (inverse @ inverse.mT).abs()
    # Rounding of a residual enters through the pseudo-inverse, that of the sum X'r through the whole inverse.
    of_rows = (2 * n + 6) * _UNIT * (z.abs().sum(dim=0) + system.y_norm)
    of_sums = (SHORT + 8) * _UNIT * left
    spread = torch.linalg.vector_norm(inverse, dim=1, keepdim=True)
    error = spread * of_rows + gram_inverse.sum(dim=1, keepdim=True) * of_sums
    error = error / (1 - theta) ** 2
    # What the step itself can be off by, because its factor is not exact; the next step is smaller.
    of_step = theta / (1 - theta) * (gram_inverse @ gradient.abs())
    again = bool((of_step.norm(dim=0) > 0.5 * error.norm(dim=0)).any())
    return z + step, error + of_step + 2 * _UNIT * z.abs(), gradient, left, again


def _gradient(gradient: Tensor, left: Tensor, z: Tensor, system: _System) -> Certificate:
    limit = 10 * (BLOCK + len(z)) * _UNIT
    allowed = limit * (z.abs().sum(dim=0) + system.y_norm)
    value = gradient.norm(dim=0)
    worst = int((value - allowed).argmax())
    return Certificate(
        "x is a minimiser: |X'r| <= tolerance (|x| + |y|), columns of X scaled to unit norm",
        Kind.PROOF,
        bool((value <= allowed).all()),
        bound=float(allowed[worst]),
        value=float(value[worst]),
        assumptions=("the solution before it is rounded to its dtype",),
        method=f"before the last correction; tolerance {limit:.1e}, residual {float(left.max()):.1e}",
    )
