"""An operator that holds a sparse matrix; its products are SciPy's."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.operator import LinearOperator


class Sparse(LinearOperator):
    r"""A sparse matrix as an operator, in main memory.

    Args:
        matrix: ``[m, n]``: a SciPy sparse matrix or array, or a sparse torch tensor; real and finite.
            Integers become float64.
        symmetric: Claim that it equals its transpose; checked to rounding.
        positive: Claim that it is positive semidefinite; only the symmetry is checked.

    Raises:
        ArgumentError: Not sparse, not finite, complex, empty, or a false claim of symmetry.

    >>> import scipy.sparse
    >>> A = Sparse(scipy.sparse.csr_array([[2.0, 0.0], [1.0, 3.0]]))
    >>> (A @ torch.ones(2).double()).tolist(), A.entries
    ([2.0, 4.0], 3)
    """

    def __init__(self, matrix: Any, *, symmetric: bool = False, positive: bool = False) -> None:
        import scipy.sparse

        if isinstance(matrix, Tensor):
            require(matrix.layout != torch.strided, "a sparse tensor", "a dense one", "use Dense")
            coo = matrix.detach().cpu().to_sparse().coalesce()
            rows, columns = coo.indices().numpy()
            matrix = scipy.sparse.csr_array((coo.values().numpy(), (rows, columns)), shape=tuple(coo.shape))
        require(scipy.sparse.issparse(matrix), "a sparse matrix of SciPy or torch", type(matrix).__name__)
        csr = scipy.sparse.csr_array(matrix)
        require(csr.dtype.kind in "biuf", "real numbers", f"dtype {csr.dtype}")
        csr = csr.astype(np.float32 if csr.dtype in (np.float16, np.float32) else np.float64)
        bad = int((~np.isfinite(csr.data)).sum())
        require(
            bad == 0, "finite numbers in the matrix", f"{bad} NaN or infinite", "drop or impute them first"
        )
        csr.sum_duplicates()
        dtype = torch.float32 if csr.dtype == np.float32 else torch.float64
        super().__init__(csr.shape, dtype=dtype, symmetric=symmetric, positive=positive)
        if self.symmetric:
            gap, top = abs(csr - csr.T).max(), abs(csr).max()
            require(
                gap <= 100 * np.finfo(csr.dtype).eps * top,
                "a symmetric matrix",
                f"max|A - A'| / max|A| = {gap / top if top else 0:.1e}",
                "pass (A + A') / 2 if the difference is noise",
            )
        self.matrix = csr

    @property
    def entries(self) -> int:
        """How many entries are stored."""
        return int(self.matrix.nnz)

    def _matmat(self, X: Tensor) -> Tensor:
        if X.ndim > 2:
            return torch.stack([self._matmat(part) for part in X])
        return torch.from_numpy(np.ascontiguousarray(self.matrix @ X.detach().numpy()))

    def _adjoint(self) -> "Sparse":
        return Sparse(self.matrix.T)
