"""Variances and directions of centred rows: from products, from a stacked QR, or from the singular values."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status
from fivefold.linalg.dense import Dense
from fivefold.linalg.doubled import two_sum
from fivefold.linalg.eigen import orthonormality, positive_peak
from fivefold.linalg.few_vectors import numpy_reads
from fivefold.linalg.moments import moments
from fivefold.linalg.probed_products import FAILURE, NARROW, probed_products
from fivefold.linalg.row_batches import BLOCK, RowBatches
from fivefold.linalg.side_by_side import WIDE
from fivefold.linalg.singular_values import by_krylov, svd
from fivefold.linalg.stacked_triangle import stacked_triangle

_UNIT = 2.0**-53
_RESOLVED = 1e-5
"""Bound of the relative error up to which a variance from products is taken; the error is far smaller."""
_RESOLVED_PROBED = 1e-4
"""The same for products in float32; what a few probes can show lies a thousand times above the error."""
_ALL = "all variances were computed"

Count = Callable[[int, int], int]
"""From rows and columns to the number of components, checked."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The leading variances of centred rows, all in float64.

    Args:
        mean: ``[n]``.
        mean_rest: What rounding the mean to float64 left, ``[n]``.
        V: Directions ``[n, k]``.
        variance: ``[k]``, falling.
        error: Bound of the error of each, ``[k]``.
        total: Sum of all variances.
        rows: m.
        gap: Distance to the value that follows, or ``None``.
        gap_limit: What it must exceed for the space to be determined.
        accurate: Whether every variance that was asked for is resolved.
        method: Which one.
        status: How it ended.
        certificates: Accuracy, orthonormality, completeness.
        message: What went wrong, or an empty string.
    """

    mean: Tensor
    mean_rest: Tensor
    V: Tensor
    variance: Tensor
    error: Tensor
    total: float
    rows: int
    gap: float | None
    gap_limit: float
    accurate: bool
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def by_gram(source: RowBatches, count: Count) -> Spectrum:
    r"""One pass: the covariance matrix about a point near the mean, and its eigenvalues.

    .. math:: |\hat\lambda_i - \lambda_i| \le \|E\|_2 \le \gamma \operatorname{tr} G / (m - 1)

    Source: H. Weyl, Math. Ann. 71 (1912), for the bound.

    >>> rows = torch.tensor([[1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    >>> by_gram(RowBatches([rows], paired=False), lambda m, n: 1).variance.item()
    2.0
    """
    sums = moments(source.batches(), centre=True)
    m, n = sums.rows, len(sums.mean)
    k = count(m, n)
    outer = torch.outer(sums.scale, sums.scale)
    covariance = sums.centred() * outer / (m - 1)
    wide = float((sums.gram.diagonal() * sums.scale**2).sum()) / (m - 1)
    rounding = sums.growth * wide
    how = "rounding of the products (Weyl) and the residual"
    return _from_covariance((sums.mean, sums.mean_rest), covariance, rounding, m, k, source.dtype, how)


def by_probed_products(matrix: Tensor, k: int, seed: int) -> Spectrum | None:
    r"""The same from products in float32 whose rounding error E is measured, not proved.

    .. math:: |\hat\lambda_i - \lambda_i| \le \|E\|_2 / (m - 1)

    Returns:
        ``None`` where the rows do not suit, or where the measured error leaves a variance or the gap behind
        the last one unresolved.

    >>> rows = torch.cat([torch.eye(64), 2 * torch.eye(64)[:1]])
    >>> found = by_probed_products(torch.cat([rows, -rows]), 1, 0)
    >>> round(found.variance.item() * 129, 6), str(found.certificates[0].kind)
    (10.0, 'statistical')
    """
    m, n = matrix.shape
    suits = numpy_reads(matrix) and matrix.dtype == torch.float32 and matrix.stride(1) == 1
    if not (suits and NARROW <= n <= WIDE):
        return None
    sums = probed_products(matrix, k, _RESOLVED_PROBED, seed=seed)
    if sums is None:
        return None
    covariance = (sums.gram - torch.outer(sums.sums, sums.sums) / m) / (m - 1)
    mean = sums.sums / m
    how = f"float32 products, measured by random probes that fail once in {1 / FAILURE:,.0f}; the residual"
    zero = torch.zeros_like(mean)
    found = _from_covariance((mean, zero), covariance, sums.error / (m - 1), m, k, matrix.dtype, how, True)
    return found if found.accurate and (found.gap is None or found.gap > found.gap_limit) else None


def _from_covariance(
    mean: tuple[Tensor, Tensor],
    covariance: Tensor,
    rounding: float,
    m: int,
    k: int,
    dtype: torch.dtype,
    how: str,
    probed: bool = False,
) -> Spectrum:
    n = len(covariance)
    # The largest k + 1 alone take half the time of all, which shows where the products are fast.
    values, vectors = _largest((covariance + covariance.mT) / 2, k + 1 if probed else n)
    variance, V = values[:k], positive_peak(vectors[:, :k])
    residual = float((covariance @ V - V * variance).norm(dim=0).max())
    bound = rounding + residual + 10 * n * _UNIT * float(values[0])
    total = float(covariance.diagonal().sum())
    # What the rounding of the entries to their own dtype does to a variance cannot be resolved by anything.
    noise = n * torch.finfo(dtype).eps ** 2 * total
    following = float(values[k]) if n > k else None
    resolved = _RESOLVED_PROBED if probed else _RESOLVED
    return Spectrum(
        mean=mean[0],
        mean_rest=mean[1],
        V=V,
        variance=variance,
        error=torch.full_like(variance, bound),
        total=total,
        rows=m,
        gap=None if following is None else float(variance[-1]) - following,
        gap_limit=10 * bound,
        accurate=bound <= max(resolved * float(variance[-1]), noise),
        method="gram",
        status=Status.CONVERGED,
        certificates=(
            _within(bound, float(values[0]), how, probed=probed),
            orthonormality(V, "V"),
            _complete("the largest variances were computed by their rank" if probed else _ALL),
        ),
        message="",
    )


def _largest(symmetric: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues, falling and not negative, with their vectors: at least ``count``."""
    from scipy.linalg import eigh

    n = len(symmetric)
    if 2 * count > n:
        values, vectors = torch.linalg.eigh(symmetric)
    else:
        found = eigh(symmetric.numpy(), subset_by_index=(n - count, n - 1), check_finite=False)
        values, vectors = (torch.from_numpy(part) for part in found)
    return values.flip(0).clamp(min=0), vectors.flip(1)


def by_stacked_qr(source: RowBatches, count: Count) -> Spectrum:
    """One pass of QR: singular values with an error relative to the largest, not to its square.

    >>> rows = torch.tensor([[1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    >>> round(by_stacked_qr(RowBatches([rows], paired=False), lambda m, n: 1).variance.item(), 12)
    2.0
    """
    R, shift, scale, m, blocks = stacked_triangle(source.blocks(), None, None, ones=True)
    n = len(shift)
    k = count(m, n)
    mean = two_sum(shift, R[0, 1:] / R[0, 0] * scale)
    _, s, Vt = torch.linalg.svd(R[1:, 1:] * scale, full_matrices=False)
    s = torch.nn.functional.pad(s, (0, max(0, n - len(s))))
    V = positive_peak(Vt[:k].mT)
    delta = 10 * (BLOCK + n + blocks) * _UNIT * n**0.5 * float(s[0])
    return _from_singular_values(mean, V, s, delta, float(s.square().sum()) / (m - 1), m, "tsqr", k)


def by_svd(matrix: Tensor, k: int, seed: int) -> Spectrum:
    """The singular values of the centred matrix in memory.

    >>> rows = torch.tensor([[1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    >>> round(by_svd(rows, 1, 0).variance.item(), 12)
    2.0
    """
    m, n = matrix.shape
    count = min(k + 1, m, n)  # one more than asked for shows the gap behind the last component
    # Large rows stay in their own precision, centred in float64: the answer's rounding is that of the rows.
    dtype = matrix.dtype if by_krylov((m, n), count) else torch.float64
    mean, rest, centred = _centred(matrix, dtype)
    parts = svd(Dense(centred), count, seed=seed)
    unit = torch.finfo(dtype).eps
    limit = max(float(parts.residual_norms.max()), max(m, n) * unit * float(parts.values[0]))
    # norms in the rows' precision, their sum in float64: to convert all numbers takes as long as an iteration
    total = float(torch.linalg.vector_norm(centred, dim=1).double().square().sum()) / (m - 1)
    return _from_singular_values(
        (mean, rest),
        parts.V[:, :k],
        parts.values,
        limit,
        total,
        m,
        "svd",
        k,
        parts.status,
        (parts.certificates[0], parts.certificates[2], parts.certificates[3]),
        parts.message,
    )


def _centred(matrix: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The means, what rounding them left, and the rows less both, in two passes that sum small numbers."""
    m, n = matrix.shape
    centred = torch.empty((m, n), dtype=dtype, device=matrix.device)
    shifts = [matrix[:BLOCK].double().mean(dim=0).to(dtype)]
    for again in (False, True):
        sums = torch.zeros(n, dtype=torch.float64, device=matrix.device)
        for start in range(0, m, BLOCK):
            part = centred[start : start + BLOCK]
            torch.sub(part if again else matrix[start : start + BLOCK].to(dtype), shifts[-1], out=part)
            sums += (part.new_ones(part.shape[0]) @ part).double()
        shifts.append((sums / m).to(dtype))
    first, second, third = (shift.double() for shift in shifts)
    mean, rest = two_sum(first, second)
    return mean, rest + third, centred


def _from_singular_values(
    mean: tuple[Tensor, Tensor],
    V: Tensor,
    s: Tensor,
    delta: float,
    total: float,
    m: int,
    method: str,
    k: int,
    status: Status = Status.CONVERGED,
    certificates: tuple[Certificate, ...] | None = None,
    message: str = "",
) -> Spectrum:
    own = (_within(delta, float(s[0]), "backward error of QR"), orthonormality(V, "V"), _complete())
    return Spectrum(
        mean=mean[0],
        mean_rest=mean[1],
        V=V,
        variance=s[:k] ** 2 / (m - 1),
        error=(2 * s[:k] * delta + delta**2) / (m - 1),
        total=total,
        rows=m,
        gap=float(s[k - 1] - s[k]) if len(s) > k else None,
        gap_limit=10 * delta,
        accurate=True,
        method=method,
        status=status,
        certificates=own if certificates is None else certificates,
        message=message,
    )


def _within(bound: float, top: float, how: str, *, probed: bool = False) -> Certificate:
    share = "1e-4" if probed else "1e-8"
    limit = float(share) * top
    return Certificate(
        f"every value lies within {share} of the largest of a value of the centred data",
        Kind.STATISTICAL if probed else Kind.PROOF,
        bound <= limit,
        bound=limit,
        value=bound,
        assumptions=("no overflow or underflow",),
        method=how,
    )


def _complete(how: str = _ALL) -> Certificate:
    return Certificate(
        "no direction of larger variance than the returned ones was missed",
        Kind.PROOF,
        True,
        method=how,
    )
