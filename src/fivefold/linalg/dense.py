"""An operator that holds its matrix."""

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.few_vectors import times_few
from fivefold.linalg.operator import LinearOperator


class Dense(LinearOperator):
    r"""A matrix, or a batch of matrices, as an operator.

    Args:
        matrix: ``[..., m, n]``, real and finite; integers become float64.
        symmetric: Claim that it equals its transpose; checked to rounding.
        positive: Claim that it is positive semidefinite; only the symmetry is checked.

    Raises:
        ArgumentError: Fewer than two dimensions, not finite, or a false claim of symmetry.

    >>> Dense([[1, 2], [3, 4]]).H.to_dense()
    tensor([[1., 3.],
            [2., 4.]], dtype=torch.float64)
    """

    def __init__(self, matrix: Array, *, symmetric: bool = False, positive: bool = False) -> None:
        M = to_tensor(matrix, "the matrix")
        require(M.ndim >= 2, "a matrix [..., m, n]", f"shape {tuple(M.shape)}", "use x[:, None]")
        super().__init__(
            tuple(M.shape), dtype=M.dtype, device=M.device, symmetric=symmetric, positive=positive
        )
        if self.symmetric:
            require_symmetric(M)
        self.matrix = M

    def _matmat(self, X: Tensor) -> Tensor:
        M = self.matrix
        if M.ndim != 2 or X.ndim != 2:
            return M @ X
        if M.stride(0) == 1 and X.shape[1] < M.shape[1]:
            # a matrix that lies by columns: the product by rows is up to three times as fast
            return times_few(X.mT, M.mT).mT.contiguous()
        return times_few(M, X)

    def _adjoint(self) -> "Dense":
        # not checked again: the entries are the same
        flipped = object.__new__(Dense)
        super(Dense, flipped).__init__(
            tuple(self.matrix.mT.shape), dtype=self.dtype, device=self.device, symmetric=False, positive=False
        )
        flipped.matrix = self.matrix.mT
        return flipped

    def to_dense(self) -> Tensor:
        """Return the matrix it holds."""
        return self.matrix


def asymmetry(matrix: Tensor) -> float:
    r"""Return :math:`\max |A - A^\top| / \max |A|`, the worst over a batch; 0 for a zero matrix.

    >>> asymmetry(torch.tensor([[1.0, 2.0], [0.0, 4.0]]))
    0.5
    """
    top = matrix.abs().amax(dim=(-2, -1))
    gap = (matrix - matrix.mT).abs().amax(dim=(-2, -1))
    return float((gap / torch.where(top > 0, top, torch.ones_like(top))).max())


def require_symmetric(matrix: Tensor) -> None:
    """Refuse a matrix that differs from its transpose by more than rounding (100 units in the last place).

    >>> require_symmetric(torch.eye(2))
    """
    gap = asymmetry(matrix)
    require(
        gap <= 100 * torch.finfo(matrix.dtype).eps,
        "a symmetric matrix",
        f"max|A - A'| / max|A| = {gap:.1e}",
        "pass (A + A') / 2 if the difference is noise",
    )


def as_operator(A: Array, name: str = "A") -> LinearOperator:
    """Return an operator as it is and an array as :class:`Dense`.

    >>> as_operator([[1.0, 0.0]]).shape
    (1, 2)
    """
    if isinstance(A, LinearOperator):
        return A
    matrix = to_tensor(A, name)
    require(matrix.ndim >= 2, f"{name} as a matrix [..., m, n]", f"shape {tuple(matrix.shape)}")
    return Dense(matrix)
