"""Preconditioners for conjugate gradients: the diagonal, a Cholesky factor of low rank, an incomplete one."""

from functools import singledispatch

import torch
from torch import Tensor

from fivefold.core import NumericalError, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.compose import Scaled, Sum
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.incomplete_cholesky import IncompleteCholesky
from fivefold.linalg.kronecker import Kronecker
from fivefold.linalg.low_rank import LowRankPlusDiagonal
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.sparse_matrix import Sparse

_PRODUCTS = 4096  # operators without structure up to this size give their diagonal by products
_CHUNK = 256


@singledispatch
def exact_diagonal(A: LinearOperator) -> Tensor:
    """Return the diagonal, ``[n]``: by structure, or by n products of an operator up to size 4096.

    Raises:
        ArgumentError: Not square, or too large to multiply with every unit vector.

    >>> exact_diagonal(Dense([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [1.0, 4.0]
    """
    require_matrix(A, "A", square=True)
    n = A.shape[0]
    require(n <= _PRODUCTS, f"an operator with structure, or up to size {_PRODUCTS}", f"size {n}")
    parts = []
    for start in range(0, n, _CHUNK):
        stop = min(n, start + _CHUNK)
        units = torch.zeros(n, stop - start, dtype=A.dtype, device=A.device)
        index = torch.arange(stop - start, device=A.device)
        units[start + index, index] = 1
        parts.append(A.apply(units)[start + index, index])
    return torch.cat(parts)


@exact_diagonal.register
def _(A: Dense) -> Tensor:
    return A.matrix.diagonal(dim1=-2, dim2=-1)


@exact_diagonal.register
def _(A: Diagonal) -> Tensor:
    return A.entries


@exact_diagonal.register
def _(A: Sparse) -> Tensor:
    return torch.from_numpy(A.matrix.diagonal())


@exact_diagonal.register
def _(A: Identity) -> Tensor:
    return torch.ones(A.shape[0], dtype=A.dtype, device=A.device)


@exact_diagonal.register
def _(A: Scaled) -> Tensor:
    return A.scalar * exact_diagonal(A.operator)


@exact_diagonal.register
def _(A: Sum) -> Tensor:
    return torch.stack([exact_diagonal(term).to(A.dtype) for term in A.terms]).sum(dim=0)


@exact_diagonal.register
def _(A: LowRankPlusDiagonal) -> Tensor:
    return A.diagonal + (A.U * A.weights[..., None, :] * A.V).sum(dim=-1)


@exact_diagonal.register
def _(A: Kronecker) -> Tensor:
    require(all(f.shape[0] == f.shape[1] for f in A.factors), "square factors", [f.shape for f in A.factors])
    out = torch.ones(1, dtype=A.dtype, device=A.device)
    for factor in A.factors:
        out = torch.kron(out, exact_diagonal(factor).to(A.dtype))
    return out


@exact_diagonal.register
def _(A: BlockDiagonal) -> Tensor:
    require(all(b.shape[0] == b.shape[1] for b in A.blocks), "square blocks", [b.shape for b in A.blocks])
    return torch.cat([exact_diagonal(block).to(A.dtype) for block in A.blocks])


def jacobi(A: Array | LinearOperator) -> Diagonal:
    r"""Return :math:`M = \operatorname{diag}(A)^{-1}`, which undoes a bad scaling of the variables.

    Args:
        A: Positive definite ``[n, n]``.

    Raises:
        ArgumentError: Not square, or too large for its diagonal.
        NumericalError: An entry of the diagonal is not positive, so that A is not positive definite.

    >>> jacobi([[4.0, 1.0], [1.0, 2.0]]).entries.tolist()
    [0.25, 0.5]
    """
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    d = exact_diagonal(operator).detach()
    _require_positive(d)
    return Diagonal(1 / d)


def pivoted_cholesky(A: Array | LinearOperator, rank: int, *, tolerance: float = 0.0) -> Tensor:
    r"""Return L, ``[n, r]``, of a pivoted Cholesky factorisation stopped early, :math:`A \approx L L^\top`.

    Each step takes the largest entry left on the diagonal and its column, so that A is read by r products
    with unit vectors. :math:`A - L L^\top` stays positive semidefinite.

    Source: H. Harbrecht, M. Peters, R. Schneider, Appl. Numer. Math. 62 (2012).

    Args:
        A: Positive semidefinite ``[n, n]``.
        rank: How many columns at most, between 1 and n.
        tolerance: Stop where the trace left is at most this part of the trace of A, at least 0.

    Raises:
        ArgumentError: Not square, or a rank or tolerance out of range.
        NumericalError: A negative diagonal entry shows that A is not positive semidefinite.

    >>> pivoted_cholesky([[4.0, 2.0], [2.0, 1.0]], 2).tolist()
    [[2.0], [1.0]]
    """
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    n = operator.shape[0]
    require(1 <= rank <= n, f"a rank between 1 and {n}", rank)
    require(0 <= tolerance < 1, "a tolerance in [0, 1)", tolerance)
    left = exact_diagonal(operator).detach().clone()
    if bool((left < 0).any()):
        raise NumericalError("a positive semidefinite matrix", f"{float(left.min()):.1e} on the diagonal")
    total, top = left.sum(), left.max()
    columns: list[Tensor] = []
    for _ in range(rank):
        pivot = int(left.argmax())
        if float(left[pivot]) <= 10 * n * torch.finfo(left.dtype).eps * float(top):
            break
        unit = torch.zeros(n, 1, dtype=operator.dtype, device=operator.device)
        unit[pivot] = 1
        column = operator.apply(unit)[:, 0].detach()
        for known in columns:
            column = column - known[pivot] * known
        column = column / left[pivot].sqrt()
        columns.append(column)
        left = left - column**2
        left[pivot] = 0
        if float(left.min()) < -1e3 * n * torch.finfo(left.dtype).eps * float(top):
            raise NumericalError("a positive semidefinite matrix", "a negative pivot")
        left = left.clamp(min=0)
        if float(left.sum()) <= tolerance * float(total):
            break
    return torch.stack(columns, dim=1) if columns else left.new_zeros(n, 1)


def low_rank_preconditioner(
    A: Array | LinearOperator, rank: int = 20, *, shift: float = 0.0
) -> LowRankPlusDiagonal:
    r"""Return :math:`M = (L L^\top + \delta I)^{-1}` from a pivoted Cholesky factor, by Woodbury.

    Good for a few large eigenvalues over a flat rest, as of a kernel matrix plus noise.
    :math:`\delta` is the shift, or the mean diagonal that the factor leaves, whichever is larger.

    Source: J. R. Gardner et al., "GPyTorch", NeurIPS 2018.

    Args:
        A: Positive definite ``[n, n]``.
        rank: Columns of L.
        shift: A multiple of the identity that A is known to contain; the factor is of the rest.

    Raises:
        ArgumentError: Not square, a rank out of range, a negative shift.
        NumericalError: A is not positive definite.

    >>> M = low_rank_preconditioner([[4.0, 1.0], [1.0, 2.0]], 1)
    >>> M.positive, M.shape
    (True, (2, 2))
    """
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    require(0 <= shift < float("inf"), "a shift of at least 0", shift)
    n = operator.shape[0]
    d = exact_diagonal(operator).detach()
    _require_positive(d)
    rest = operator - shift * Identity(n, dtype=operator.dtype, device=operator.device) if shift else operator
    L = pivoted_cholesky(rest, min(rank, n))
    left = float((d - (L**2).sum(dim=1)).clamp(min=0).mean())
    floor = 10 * float(torch.finfo(d.dtype).eps) * float(d.max())
    return LowRankPlusDiagonal(torch.full_like(d, max(shift, left, floor)), L).inverse()


def preconditioner_of(
    A: LinearOperator, wanted: Array | LinearOperator | str | None
) -> LinearOperator | None:
    """Return the preconditioner that a name, a matrix or an operator stands for.

    Raises:
        ArgumentError: An unknown name, or another shape than A.

    >>> preconditioner_of(Identity(2), "jacobi").shape
    (2, 2)
    """
    if wanted is None:
        return None
    if isinstance(wanted, str):
        require(
            wanted in ("jacobi", "low-rank", "incomplete-cholesky"),
            "a preconditioner 'jacobi', 'low-rank', 'incomplete-cholesky' or a matrix",
            repr(wanted),
        )
        if wanted == "incomplete-cholesky":
            require(
                isinstance(A, Sparse),
                "a sparse matrix for an incomplete factor",
                repr(A),
                "wrap it: Sparse(A, positive=True)",
            )
            assert isinstance(A, Sparse)
            return IncompleteCholesky(A)
        return jacobi(A) if wanted == "jacobi" else low_rank_preconditioner(A, min(20, A.shape[0]))
    M = as_operator(wanted, "the preconditioner")
    require(M.shape == A.shape, f"a preconditioner of shape {A.shape}", M.shape)
    return M


def _require_positive(d: Tensor) -> None:
    bad = int((~(d > 0)).sum())
    if bad:
        raise NumericalError("a positive definite matrix", f"{bad} diagonal entries that are not positive")
