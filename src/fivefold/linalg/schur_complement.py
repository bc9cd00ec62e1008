"""What is left of a positive definite operator when known images are eliminated from it."""

import torch
from torch import Tensor

from fivefold.linalg.captured_part import Captured
from fivefold.linalg.operator import LinearOperator


class SchurComplement(LinearOperator):
    r"""The Schur complement of :math:`H = Q^\top A Q` in A, in coordinates of the complement of Q.

    .. math::
        S = W^\top A W - W^\top A Q \, H^{-1} Q^\top A W, \quad [Q \; W] \text{ orthogonal}, \qquad
        \det A = \det H \cdot \det S

    Its eigenvalues are at least the smallest of A, since its inverse is a block of the inverse of A. What Q
    has captured of the largest is gone from it. W is never formed: it is a product of reflections.

    Source: R. Horn and C. Johnson, "Matrix Analysis", 2nd edition 2013, section 0.8.5.

    Args:
        A: Symmetric ``[n, n]``.
        part: Images of k orthonormal directions, with a positive definite H.

    >>> from fivefold.linalg import Dense
    >>> A = torch.tensor([[2.0, 1.0], [1.0, 3.0]]).double()
    >>> Q = torch.tensor([[1.0], [0.0]]).double()
    >>> F = torch.tensor([[0.0], [0.5]]).double() ** 0.5
    >>> S = SchurComplement(Dense(A, symmetric=True), Captured(Q, A @ Q, F))
    >>> round(float(S.to_dense()), 12)
    2.5
    """

    def __init__(self, A: LinearOperator, part: Captured) -> None:
        n, k = part.Q.shape
        super().__init__(
            (n - k, n - k), dtype=torch.float64, device=A.device, symmetric=True, positive=A.positive
        )
        self.A, self.part = A, part
        self._reflectors, self._scales = torch.geqrf(part.Q)

    def _matmat(self, X: Tensor) -> Tensor:
        k = self.part.Q.shape[1]
        full = torch.ormqr(self._reflectors, self._scales, torch.cat([X.new_zeros((k, X.shape[-1])), X]))
        image = self.A.apply(full.to(self.A.dtype)).detach().to(torch.float64)
        rest = self.part.rest(full, image)
        return torch.ormqr(self._reflectors, self._scales, rest, transpose=True)[k:]

    def _adjoint(self) -> LinearOperator:
        return self
