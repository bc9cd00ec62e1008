"""An operator restricted to the complement of known directions."""

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg import LinearOperator
from fivefold.linalg.probes import project_out


class Deflated(LinearOperator):
    r"""The part of a symmetric operator outside a subspace, :math:`(I - Q Q^\top) A (I - Q Q^\top)`.

    Its trace is that of A less that of :math:`Q^\top A Q`.

    Args:
        A: Symmetric ``[n, n]``.
        Q: Orthonormal columns ``[n, k]``.
        scale: The size of A: images that are rounding beside it count as 0, so that an A which lives on Q
            alone leaves nothing.

    Raises:
        ArgumentError: A is not symmetric, or the sizes do not fit.

    >>> from fivefold.linalg import Diagonal
    >>> Deflated(Diagonal([3.0, 2.0, 1.0]), torch.eye(3, dtype=torch.float64)[:, :1]).to_dense().diagonal()
    tensor([0., 2., 1.], dtype=torch.float64)
    """

    def __init__(self, A: LinearOperator, Q: Tensor, scale: float = 0.0) -> None:
        require(A.symmetric, "a symmetric operator", repr(A))
        require(Q.ndim == 2 and Q.shape[0] == A.shape[0], f"Q of shape ({A.shape[0]}, k)", tuple(Q.shape))
        super().__init__(A.shape, dtype=A.dtype, device=A.device, symmetric=True, positive=A.positive)
        self._A, self._Q = A, Q.double()
        self._floor = 10 * scale * float(torch.finfo(A.dtype).eps) * A.shape[0] ** 0.5

    def _matmat(self, X: Tensor) -> Tensor:
        inside = project_out(self._Q, X.double())
        image = project_out(self._Q, self._A.apply(inside.to(self.dtype)).double())
        tiny = image.norm(dim=-2, keepdim=True) <= self._floor * X.double().norm(dim=-2, keepdim=True)
        return torch.where(tiny, 0.0, image).to(self.dtype)

    def _adjoint(self) -> "Deflated":
        return self
