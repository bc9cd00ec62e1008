"""Householder QR, of one matrix or of batches of rows, with the rank decided from R."""

from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import as_operator
from fivefold.linalg.operator import LinearOperator, require_matrix


@dataclass(frozen=True, eq=False)
class QR:
    r"""The factors :math:`A = Q R`, and the rank that R shows.

    Args:
        Q: Orthonormal columns ``[m, r]``, r = min(m, n); ``None`` for a data matrix, whose Q is as large as
            the data.
        R: Upper triangular, ``[r, n]``.
        singular_values: Of A with its columns scaled to unit norm, descending, ``[r]``.
        rank: How many of them exceed ``tolerance`` times the largest.
        tolerance: The one given, or the default.
        status: ``ILL_POSED`` where the rank is below ``min(m, n)``.
        certificates: What holds for the factors.
    """

    Q: Array
    R: Array
    singular_values: Array
    rank: int
    tolerance: float
    status: Status
    certificates: tuple[Certificate, ...]


@singledispatch
def triangle(A: LinearOperator, extra: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Return Q, R and ``Q' extra`` of an operator in float64; Q is ``None`` where it is not kept.

    >>> Q, R, _ = triangle(as_operator([[3.0], [4.0]]), None)
    >>> round(abs(R.item()), 12)
    5.0
    """
    matrix = A.to_dense().double()
    Q, R = torch.linalg.qr(matrix)
    return Q, R, None if extra is None else Q.mT @ extra


@triangle.register
def _(A: DataMatrix, extra: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor | None]:
    # R of the rows so far stacked on the next batch: backward stable as the QR of everything at once, and
    # the right-hand sides ride along as extra columns (Golub and Van Loan, 4th ed., section 6.5.3).
    n = A.shape[1]
    width = 0 if extra is None else extra.shape[1]
    R = torch.zeros((0, n + width), dtype=torch.float64, device=A.device)
    start = 0
    for batch in A.batches():
        rows = batch.double()
        if extra is not None:
            rows = torch.cat([rows, extra[start : start + batch.shape[0]]], dim=1)
        start += batch.shape[0]
        R = torch.linalg.qr(torch.cat([R, rows]), mode="r").R
    return None, R[:n, :n], None if extra is None else R[:n, n:]


def power_of_two_norms(columns: Tensor) -> Tensor:
    """Norms of the columns rounded to powers of two (so that scaling is exact); 1 for a zero column.

    >>> power_of_two_norms(torch.tensor([[3.0, 0.0], [4.0, 0.0]]))
    tensor([4., 1.])
    """
    top = columns.abs().amax(dim=0)
    top = torch.where(top > 0, top, torch.ones_like(top))
    norm = torch.where(columns.abs().amax(dim=0) > 0, (columns / top).norm(dim=0), torch.ones_like(top))
    exponent = (norm.log2() + top.log2()).floor().clamp(-1000, 1000)
    return torch.exp2(exponent)


def qr(A: Array | LinearOperator, *, tolerance: float | None = None) -> QR:
    r"""Factor by Householder reflections and decide the rank.

    .. math:: A = Q R, \qquad Q^\top Q = I, \qquad \text{rank} = \#\{i : \sigma_i(R D^{-1}) > \tau \sigma_1\}

    with D the norms of the columns, so that the unit of a column does not decide the rank.

    Source: A. S. Householder, J. ACM 5 (1958); G. H. Golub and C. F. Van Loan, "Matrix Computations".

    Args:
        A: ``[m, n]``: array, tensor or operator. A :class:`DataMatrix` is read once, and Q is not kept.
        tolerance: :math:`\tau`, between 0 and 1; ``max(m, n)`` roundings of
            float64 or n of the input's dtype by default, whichever is more.

    Returns:
        The factors in the input's dtype; the rank and whether it is full.

    Raises:
        ArgumentError: Not a matrix, not finite, or a tolerance outside (0, 1).

    >>> f = qr([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    >>> f.rank, str(f.status)
    (1, 'ill-posed')
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A")
    m, n = operator.shape
    tau = rank_tolerance(tolerance, operator)
    Q, R, _ = triangle(operator, None)
    s = torch.linalg.svdvals(R / power_of_two_norms(R))
    rank = decided_rank(s, tau)
    full = rank == min(m, n)
    unit = torch.finfo(torch.float64).eps
    certificates = [
        rank_certificate(s, rank, tau, min(m, n)),
    ]
    if Q is not None:
        gap = float((Q.mT @ Q - torch.eye(Q.shape[1], dtype=Q.dtype, device=Q.device)).norm())
        limit = 100 * max(m, n) * unit
        certificates.append(
            Certificate(
                "the columns of Q are orthonormal",
                Kind.PROOF,
                gap <= limit,
                bound=limit,
                value=gap,
                method="|Q'Q - I|_F, computed",
            )
        )

    def kind(t: Tensor | None) -> Array:
        if t is None:
            return None
        t = t.to(operator.dtype)
        return t.detach().cpu().numpy() if numpy else t

    status = Status.CONVERGED if full else Status.ILL_POSED
    return QR(kind(Q), kind(R), kind(s), rank, tau, status, tuple(certificates))


def rank_tolerance(tolerance: float | None, operator: LinearOperator) -> float:
    """Return the given tolerance, checked, or the default.

    >>> rank_tolerance(0.5, as_operator([[1.0]]))
    0.5
    """
    if tolerance is None:
        return default_tolerance(operator.shape[-2], operator.shape[-1], operator.dtype)
    require(0 < tolerance < 1, "a rank tolerance between 0 and 1", tolerance)
    return float(tolerance)


def default_tolerance(m: int, n: int, dtype: torch.dtype) -> float:
    r"""Return the size of a singular value, relative to the largest, that counts as zero.

    .. math:: \max(\max(m, n)\, \epsilon_{64},\; n\, \epsilon)

    The first is what QR in float64 can do. The second is what the rounding of the entries can do to columns
    of unit norm; it does not grow with the rows: ``max(m, n)`` roundings of float32 call a tenth of the
    largest value zero where there are a million rows.

    >>> default_tolerance(1_000_000, 10, torch.float32) < 1e-5
    True
    """
    return max(max(m, n) * float(torch.finfo(torch.float64).eps), n * float(torch.finfo(dtype).eps))


def decided_rank(singular_values: Tensor, tolerance: float) -> int:
    """Count the singular values above ``tolerance`` times the largest.

    >>> decided_rank(torch.tensor([2.0, 1.0, 0.0]), 1e-6)
    2
    """
    return int((singular_values > tolerance * singular_values[0]).sum())


def rank_decisions(
    R: Tensor, s: Tensor, scale: Tensor, tolerance: float, other: LinearOperator | None
) -> dict[str, int]:
    """Ranks by other rules, where they differ from the rank of the scaled columns at the tolerance.

    Args:
        R: Triangle of the scaled matrix.
        s: Its singular values.
        scale: What the columns were divided by.
        tolerance: The one used.
        other: The matrix, where its default tolerance is not the one used.

    >>> R, scale = torch.eye(2).double(), torch.tensor([1.0, 1e-20]).double()
    >>> rank_decisions(R, torch.ones(2), scale, 1e-15, None)
    {'columns as they are, tolerance 1.0e-15': 1}
    """
    rank = decided_rank(s, tolerance)
    found = {}
    plain = decided_rank(torch.linalg.svdvals(R * (scale / scale.max())), tolerance)
    if plain != rank:
        found[f"columns as they are, tolerance {tolerance:.1e}"] = plain
    if other is not None:
        usual = rank_tolerance(None, other)
        if decided_rank(s, usual) != rank:
            found[f"columns of unit norm, tolerance {usual:.1e}"] = decided_rank(s, usual)
    return found


def rank_certificate(
    s: Tensor, rank: int, tolerance: float, full: int, others: dict[str, int] | None = None
) -> Certificate:
    """Whether the matrix has full rank, as far as rounding can tell, and what other rules would decide.

    >>> str(rank_certificate(torch.tensor([2.0, 0.0]), 1, 1e-6, 2).holds)
    'False'
    """
    top = float(s[0])
    ratio = float(s[-1]) / top if top > 0 else 0.0
    return Certificate(
        f"the matrix has full rank {full} (rank {rank} found)",
        Kind.PROOF,
        rank == full,
        bound=tolerance,
        value=ratio,
        assumptions=("the entries are exact to the stated tolerance",),
        method="smallest over largest singular value, columns scaled to unit norm, against the tolerance"
        + "".join(f"; rank {other} with {rule}" for rule, other in (others or {}).items()),
    )
