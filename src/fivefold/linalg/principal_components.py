"""Principal components of data whose means may lie far from zero."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, in_kind, to_tensor, wants_numpy
from fivefold.linalg.data_matrix import DataMatrix, column_means
from fivefold.linalg.dense import Dense
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.singular_values import svd


@dataclass(frozen=True, eq=False)
class PCA:
    r"""Directions of largest variance, and the maps to and from their coordinates.

    Args:
        mean: ``[n]``.
        components: Orthonormal rows ``[k, n]``, by falling variance, each with a positive peak.
        explained_variance: :math:`\sigma_i^2 / (m - 1)`, ``[k]``.
        explained_ratio: Their share of the total variance, ``[k]``; zero where there is none.
        total_variance: Sum of the variances of all columns.
        singular_values: Of the centred data, ``[k]``.
        status: ``ILL_POSED`` where the data do not vary; otherwise that of the decomposition.
        certificates: Those of the decomposition, and whether the space is determined.
        message: What is the matter, or an empty string.
    """

    mean: Array
    components: Array
    explained_variance: Array
    explained_ratio: Array
    total_variance: float
    singular_values: Array
    status: Status
    certificates: tuple[Certificate, ...]
    message: str

    def transform(self, X: Array) -> Array:
        r"""Return the coordinates :math:`(X - \mu) V`, ``[..., k]``, of rows ``[..., n]``.

        Raises:
            ArgumentError: Rows of another width, or not finite.
        """
        rows, mean, V = self._prepared(X, len(self.mean))
        return in_kind(((rows.double() - mean) @ V.mT).to(rows.dtype), X)

    def inverse(self, scores: Array) -> Array:
        r"""Return the rows :math:`\mu + T V^\top`, ``[..., n]``, of coordinates ``[..., k]``.

        Raises:
            ArgumentError: Coordinates of another width, or not finite.
        """
        rows, mean, V = self._prepared(scores, len(self.components))
        return in_kind((rows.double() @ V + mean).to(rows.dtype), scores)

    def _prepared(self, X: Array, width: int) -> tuple[Tensor, Tensor, Tensor]:
        rows = to_tensor(X, "X")
        require(rows.shape[-1] == width, f"rows of width {width}", f"shape {tuple(rows.shape)}")
        mean = to_tensor(self.mean, "the mean").to(rows.device).double()
        return rows, mean, to_tensor(self.components, "the components").to(rows.device).double()


def pca(X: Array | DataMatrix, k: int | None = None, *, seed: int = 0) -> PCA:
    r"""Find the k orthogonal directions of largest variance.

    .. math:: X - \mathbf{1} \mu^\top = U \Sigma V^\top, \qquad \text{variance}_i = \sigma_i^2 / (m - 1)

    The data are centred before anything is multiplied, so that a mean far from zero costs no digits beyond
    those of the data; the covariance matrix is never formed.

    Source: K. Pearson, Phil. Mag. 2 (1901); H. Hotelling, J. Educ. Psychol. 24 (1933).

    Args:
        X: ``[m, n]``, m at least 2: array, tensor or :class:`DataMatrix`, which is read a few times.
        k: How many, between 1 and min(m, n); all by default.
        seed: Of the randomized method that large data with few components take.

    Returns:
        The components in the kind and dtype of X; arithmetic is in float64.

    Raises:
        ArgumentError: Fewer than two rows, k out of range, not finite, or a general operator.

    >>> p = pca([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], 1)
    >>> p.explained_ratio.round(12).tolist(), p.transform([[3.0, 3.0]]).round(6).tolist()
    ([1.0], [[1.414214]])
    """
    numpy = wants_numpy(X)
    require(
        not isinstance(X, LinearOperator) or isinstance(X, (DataMatrix, Dense)),
        "data as an array or a DataMatrix",
        type(X).__name__,
        "centring needs the rows: pass X.to_dense()",
    )
    centred: LinearOperator
    if isinstance(X, DataMatrix):
        data, mean, dtype = X, X.mean(), X.dtype
        centred = DataMatrix(lambda: (b.double() - mean for b in data.batches()), rows=X.shape[0])
        total = sum(float(((b.double() - mean) ** 2).sum()) for b in X.batches())
    else:
        matrix = X.matrix if isinstance(X, Dense) else to_tensor(X, "X", dims=(2,))
        require(matrix.ndim == 2, "data [m, n]", f"shape {tuple(matrix.shape)}")
        dtype, mean = matrix.dtype, column_means(matrix.detach())
        centred = Dense(matrix.detach().double() - mean)
        total = float((centred.to_dense() ** 2).sum())
    m, n = centred.shape
    require(m >= 2, "at least 2 rows", m)
    count = min(m, n) if k is None else int(k)
    require(1 <= count <= min(m, n), f"k between 1 and {min(m, n)}", k)
    # One more than asked for shows the gap behind the last component.
    parts = svd(centred, min(count + 1, m, n), seed=seed)
    s, V = parts.values[:count], parts.V[:, :count]
    variance = s**2 / (m - 1)
    unit = torch.finfo(torch.float64).eps
    constant = total <= (10 * unit * float(mean.abs().max())) ** 2 * m * n
    ratio = torch.zeros_like(variance) if constant else s**2 / total
    following = float(parts.values[count]) if len(parts.values) > count else None
    gap = None if following is None else float(s[-1]) - following
    limit = max(10 * float(parts.residual_norms.max()), 10 * max(m, n) * unit * float(s[0]))
    separation = Certificate(
        "the space of the components is determined: a gap follows the last one",
        Kind.INDICATOR,
        gap is None or gap > limit,
        bound=limit,
        value=gap,
        method="distance to the next singular value against ten times the residual (Wedin 1972)",
    )
    # U is not part of the answer, so that its orthonormality does not decide the status.
    bad = [c.claim for c in (parts.certificates[0], parts.certificates[2]) if c.holds is False]
    status = Status.CONVERGED if not bad and parts.status is not Status.OUT_OF_BUDGET else parts.status
    message = "" if status is Status.CONVERGED else parts.message
    if constant:
        status, message = Status.ILL_POSED, "the rows do not vary: there is no direction of variance"

    def kind(t: Tensor) -> Array:
        t = t.to(dtype)
        return t.cpu().numpy() if numpy else t

    return PCA(
        kind(mean),
        kind(V.mT),
        kind(variance),
        kind(ratio),
        total / (m - 1),
        kind(s),
        status,
        (parts.certificates[0], parts.certificates[2], parts.certificates[3], separation),
        message,
    )
