"""Principal components of data whose means may lie far from zero."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, in_kind, require_finite, to_tensor, wants_numpy
from fivefold.linalg.centred_spectrum import Spectrum, by_gram, by_probed_products, by_stacked_qr, by_svd
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense
from fivefold.linalg.doubled import CHEAP
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.row_batches import RowBatches

_WIDEST = 1000
"""Columns up to which the products of all pairs are cheaper than anything else where there are many rows."""


@dataclass(frozen=True, eq=False)
class PCA:
    r"""Directions of largest variance, and the maps to and from their coordinates.

    Args:
        mean: ``[n]``.
        mean_rest: What rounding the mean to its dtype left, ``[n]``: it counts where means are far from zero.
        components: Orthonormal rows ``[k, n]``, by falling variance, each with a positive peak.
        explained_variance: :math:`\lambda_i = \sigma_i^2 / (m - 1)`, ``[k]``.
        variance_error: Bound of the error of the computation in each of them, ``[k]``.
        standard_error: :math:`\lambda_i \sqrt{2 / (m - 1)}`, ``[k]``: how far the variance of normal rows
            typically lies from that of their distribution, where the variances are distinct.
        explained_ratio: Their share of the total variance, ``[k]``; zero where there is none.
        total_variance: Sum of the variances of all columns.
        singular_values: Of the centred data, ``[k]``.
        rows: m.
        method: ``"gram"``, ``"tsqr"`` or ``"svd"``.
        status: ``ILL_POSED`` where the data do not vary; otherwise that of the decomposition.
        certificates: Those of the decomposition, and whether the space is determined.
        message: What is the matter, or an empty string.
    """

    mean: Array
    mean_rest: Array
    components: Array
    explained_variance: Array
    variance_error: Array
    standard_error: Array
    explained_ratio: Array
    total_variance: float
    singular_values: Array
    rows: int
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str

    def transform(self, X: Array) -> Array:
        r"""Return the coordinates :math:`(X - \mu) V`, ``[..., k]``, of rows ``[..., n]``.

        The rows are centred before they are multiplied, so that means far from zero cost no digits.

        Raises:
            ArgumentError: Rows of another width, or not finite.
        """
        rows, mean, rest, V = self._prepared(X, len(self.mean))
        return in_kind(_checked(((rows - mean) - rest) @ V.mT, rows), X)

    def inverse(self, scores: Array) -> Array:
        r"""Return the rows :math:`\mu + T V^\top`, ``[..., n]``, of coordinates ``[..., k]``.

        Raises:
            ArgumentError: Coordinates of another width, or not finite.
        """
        rows, mean, rest, V = self._prepared(scores, len(self.components))
        return in_kind(_checked((rows @ V + rest) + mean, rows), scores)

    def _prepared(self, X: Array, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows = to_tensor(X, "X", finite=False)
        require(rows.shape[-1] == width, f"rows of width {width}", f"shape {tuple(rows.shape)}")
        high = to_tensor(self.mean, "the mean").to(rows.device).double()
        low = to_tensor(self.mean_rest, "the rest of the mean").to(rows.device).double()
        mean = (high + low).to(rows.dtype)
        rest = ((high - mean.double()) + low).to(rows.dtype)
        return rows, mean, rest, to_tensor(self.components, "the components").to(rows)


def pca(
    X: Array | DataMatrix | Callable[[], Iterable[Array]],
    k: int | None = None,
    *,
    method: Literal["auto", "gram", "qr"] = "auto",
    seed: int = 0,
) -> PCA:
    r"""Find the k orthogonal directions of largest variance.

    .. math:: X - \mathbf{1} \mu^\top = U \Sigma V^\top, \qquad \text{variance}_i = \sigma_i^2 / (m - 1)

    The data are centred before anything is multiplied, so that a mean far from zero costs no digits beyond
    those of the data. Many rows, and rows in batches, are summed in one pass as products about a point near
    the mean, in float64; where the bound of the error shows that this costs a variance that was asked for
    its digits, a QR of the centred rows is taken instead, in a second pass. Many float32 rows in memory with
    means near zero are multiplied in float32, at less than half the time, where random probes show an error
    below a ten-thousandth of the last variance asked for (the first certificate then is statistical; what is
    seen is thousands of times smaller), and again in float64 where they do not.

    Source: K. Pearson, Phil. Mag. 2 (1901); H. Hotelling, J. Educ. Psychol. 24 (1933); T. F. Chan,
    G. H. Golub, R. J. LeVeque, Am. Stat. 37 (1983), for the shift; T. W. Anderson, Ann. Math. Stat. 34
    (1963), for the standard error.

    Args:
        X: ``[m, n]``, m at least 2: array, tensor, :class:`DataMatrix`, or a function that returns a fresh
            iterable of batches ``[m_i, n]`` at each call. An iterator of batches can be read only once.
        k: How many, between 1 and min(m, n); all by default.
        method: ``"gram"`` refuses to go on where its error is too large; ``"qr"`` never forms products.
        seed: Of the randomized method that large data with few components take.

    Returns:
        The components in the kind and dtype of X.

    Raises:
        ArgumentError: Fewer than two rows, k out of range, not finite, a general operator, or an iterator
            where a second pass is needed.
        DataError: No batches, or batches of different widths.

    >>> p = pca([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], 1)
    >>> p.explained_ratio.round(12).tolist(), p.transform([[3.0, 3.0]]).round(6).tolist()
    ([1.0], [[1.414214]])
    """
    require(method in ("auto", "gram", "qr"), "a method among 'auto', 'gram', 'qr'", repr(method))
    require(
        not isinstance(X, LinearOperator) or isinstance(X, (DataMatrix, Dense)),
        "data as an array or a DataMatrix",
        type(X).__name__,
        "centring needs the rows: pass X.to_dense()",
    )
    streamed = isinstance(X, (DataMatrix, Iterator)) or callable(X)
    if streamed:
        source = RowBatches(X.batches if isinstance(X, DataMatrix) else X, paired=False)
        found = _from_batches(source, k, method)
        numpy = source.numpy and not isinstance(X, DataMatrix)
        dtype = source.dtype
    else:
        matrix = X.matrix if isinstance(X, Dense) else to_tensor(X, "X", dims=(2,), finite=False)
        require(matrix.ndim == 2, "data [m, n]", f"shape {tuple(matrix.shape)}")
        matrix, numpy, dtype = matrix.detach(), wants_numpy(X), matrix.dtype
        m, n = matrix.shape
        if method == "gram" or (method == "auto" and m >= 2 * n and n <= _WIDEST and m * n > CHEAP):
            found = _from_batches(RowBatches([matrix], paired=False), k, method, matrix, seed)
        else:
            found = by_svd(to_tensor(matrix, "X"), _count(k, m, n), seed)
    return _named(found, dtype, numpy)


def _checked(out: Tensor, rows: Tensor) -> Tensor:
    """NaN and infinities show in the product: a look at every entry of the rows is rarely needed."""
    if not bool(torch.isfinite(out.sum())):
        require_finite(rows, "X")
    return out


def _count(k: int | None, m: int, n: int) -> int:
    require(m >= 2, "at least 2 rows", m)
    count = min(m, n) if k is None else int(k)
    require(1 <= count <= min(m, n), f"k between 1 and {min(m, n)}", k)
    return count


def _from_batches(
    source: RowBatches, k: int | None, method: str, matrix: Tensor | None = None, seed: int = 0
) -> Spectrum:
    if matrix is not None:
        probed = by_probed_products(matrix, _count(k, *matrix.shape), seed)
        if probed is not None:
            return probed
    if method != "qr":
        found = by_gram(source, lambda m, n: _count(k, m, n))
        if found.accurate:
            return found
        small = float(found.variance.min())
        bad = f"an error of {float(found.error.max()):.1e} beside a variance of {small:.1e}"
        require(method != "gram", "variances that products in float64 resolve", bad, "use method='qr'")
        require(
            source.again,
            "batches that can be read again, for a pass of QR",
            f"an iterator, which can be read only once; {bad}",
            "pass a function that returns a fresh iterable, ask for fewer components, or use method='qr'",
        )
        if matrix is not None:
            return by_svd(matrix, len(found.variance), seed)
    return by_stacked_qr(source, lambda m, n: _count(k, m, n))


def _named(found: Spectrum, dtype: torch.dtype, numpy: bool) -> PCA:
    unit = torch.finfo(torch.float64).eps
    m, variance, total = found.rows, found.variance, found.total
    constant = total * (m - 1) <= (10 * unit * float(found.mean.abs().max())) ** 2 * m * len(found.mean)
    ratio = torch.zeros_like(variance) if constant else variance / total
    # U is not part of the answer, so that its orthonormality does not decide the status.
    bad = [c.claim for c in found.certificates[:2] if c.holds is False]
    status = found.status if found.status is Status.OUT_OF_BUDGET or bad else Status.CONVERGED
    status = Status.ILL_POSED if bad and status is Status.CONVERGED else status
    message = "" if status is Status.CONVERGED else found.message or f"not so: {'; '.join(bad)}"
    if constant:
        status, message = Status.ILL_POSED, "the rows do not vary: there is no direction of variance"
    separation = Certificate(
        "the space of the components is determined: a gap follows the last one",
        Kind.INDICATOR,
        found.gap is None or found.gap > found.gap_limit,
        bound=found.gap_limit,
        value=found.gap,
        method="distance to the next value against ten times the error (Wedin 1972)",
    )

    def kind(t: Tensor) -> Array:
        t = t.to(dtype)
        return t.cpu().numpy() if numpy else t

    return PCA(
        mean=kind(found.mean),
        mean_rest=kind((found.mean - found.mean.to(dtype).double()) + found.mean_rest),
        components=kind(found.V.mT),
        explained_variance=kind(variance),
        variance_error=kind(found.error + torch.finfo(dtype).eps / 2 * variance),
        standard_error=kind(variance * (2 / (m - 1)) ** 0.5),
        explained_ratio=kind(ratio),
        total_variance=total,
        singular_values=kind((variance * (m - 1)).sqrt()),
        rows=m,
        method=found.method,
        status=status,
        certificates=(*found.certificates, separation),
        message=message,
    )
