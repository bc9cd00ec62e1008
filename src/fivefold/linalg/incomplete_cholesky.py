"""The incomplete Cholesky factor of a sparse matrix, as a preconditioner."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import NumericalError, require
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.sparse_matrix import Sparse

_SWEEPS = 100
_SETTLED = 1e-3  # the factor of a preconditioner needs no more digits
_PAIRS = 200_000_000  # pairs of entries of one column: a few GiB


class IncompleteCholesky(LinearOperator):
    r"""The operator :math:`(L L^\top)^{-1}` with L in the pattern of the lower triangle of A.

    .. math:: (L L^\top)_{ij} = (D A D + \alpha I)_{ij} \quad \text{where } A_{ij} \ne 0

    D scales to a unit diagonal. L is found by sweeps of the fixed point that defines it, all entries at
    once; where a pivot fails, the shift :math:`\alpha` is doubled. The triangular solves are SuperLU's.

    Source: J. A. Meijerink and H. A. van der Vorst, Math. Comp. 31 (1977); T. A. Manteuffel, Math. Comp. 34
    (1980), for the shift; E. Chow and A. Patel, SIAM J. Sci. Comput. 37 (2015), for the sweeps.

    Args:
        A: Symmetric positive definite, ``[n, n]``.

    Raises:
        ArgumentError: Not square, not claimed symmetric, or too dense.
        NumericalError: A diagonal entry is not positive, or no shift below 1 gives a factor.

    >>> import scipy.sparse
    >>> A = Sparse(scipy.sparse.csr_array([[4.0, 2.0], [2.0, 3.0]]), positive=True)
    >>> M = IncompleteCholesky(A)
    >>> (M @ torch.tensor([8.0, 7.0]).double()).round(decimals=3).tolist(), M.shift
    ([1.25, 1.5], 0.0)
    """

    def __init__(self, A: Sparse) -> None:
        require_matrix(A, "A", square=True)
        require(A.symmetric, "a symmetric matrix", repr(A), "build it with Sparse(..., positive=True)")
        super().__init__(A.shape, dtype=A.dtype, positive=True)
        d = A.matrix.diagonal().astype(np.float64)
        bad = int((~(d > 0)).sum())
        if bad:
            raise NumericalError(
                "a positive definite matrix", f"{bad} diagonal entries that are not positive"
            )
        self.scale = torch.from_numpy(1 / np.sqrt(d))[:, None]
        self.factor, self.shift = _factor(A.matrix, self.scale[:, 0].numpy())
        from scipy.sparse.linalg import splu

        # The factor is triangular already: no permutation, so that SuperLU adds nothing to it.
        self._solver = splu(
            self.factor.tocsc(),
            permc_spec="NATURAL",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True, "Equil": False},
        )

    def _matmat(self, X: Tensor) -> Tensor:
        if X.ndim > 2:
            return torch.stack([self._matmat(part) for part in X])
        b = (self.scale * X.detach().double()).numpy()
        y = self._solver.solve(self._solver.solve(b), trans="T")
        return (self.scale * torch.from_numpy(y)).to(self.dtype)

    def _adjoint(self) -> "IncompleteCholesky":
        return self


def _factor(A: Any, scale: np.ndarray) -> tuple[Any, float]:
    """The factor of the scaled matrix in the pattern of its lower triangle, and the shift it needed."""
    import scipy.sparse

    lower = scipy.sparse.tril(A.astype(np.float64), format="csc")
    lower.sort_indices()
    n = lower.shape[0]
    rows, counts = lower.indices.astype(np.int64), np.diff(lower.indptr)
    columns = np.repeat(np.arange(n), counts)
    values = lower.data * scale[rows] * scale[columns]
    first, second, out = _pairs(rows, columns, counts, lower.indptr[:-1].astype(np.int64))
    pivots = lower.indptr[:-1]  # the diagonal entry is the first of its column
    off = np.ones(len(rows), dtype=bool)
    off[pivots] = False
    shift = 0.0
    while shift < 1:
        target = values.copy()
        target[pivots] += shift
        L = target.copy()
        for _ in range(_SWEEPS):
            sums = target - np.bincount(out, L[first] * L[second], minlength=len(L))
            if not (sums[pivots] > 0).all():
                break
            root = np.sqrt(sums[pivots])
            new = sums / root[columns]
            moved = float(np.abs(new - L).max())
            L = new
            if moved <= _SETTLED:
                return scipy.sparse.csc_array((L, lower.indices, lower.indptr), shape=lower.shape), shift
        shift = max(2 * shift, 1e-3)
    raise NumericalError(
        "a matrix whose incomplete factor exists with a shift below 1",
        "none",
        "use 'jacobi' or a direct method",
    )


def _pairs(
    rows: np.ndarray, columns: np.ndarray, counts: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of :math:`l_{ik}` and :math:`l_{jk}`, k < j <= i, and of the entry (i, j) that they add to."""
    n = len(counts)
    total = int((counts.astype(np.int64) ** 2).sum())
    require(
        total <= _PAIRS, f"a sparse matrix with at most {_PAIRS:.0e} pairs in its columns", f"{total:.0e}"
    )
    places = np.arange(len(rows))
    ends = (starts + counts)[columns]
    # Every entry with itself and those below it in its column; the diagonal entry itself takes no part.
    reach = ends - places
    reach[starts] = 0
    second = np.repeat(places, reach)
    first = second + np.arange(len(second)) - np.repeat(np.cumsum(reach) - reach, reach)
    keys = columns * n + rows
    wanted = rows[second] * n + rows[first]
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    inside = keys[at] == wanted
    return first[inside], second[inside], at[inside]
