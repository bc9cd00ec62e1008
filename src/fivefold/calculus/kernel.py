"""The tangent kernel of a function: inner products of its outputs' gradients."""

from collections.abc import Callable

from torch import Tensor

from fivefold.calculus.jacobian import JacobianOperator
from fivefold.linalg import LinearOperator


class KernelOperator(LinearOperator):
    r"""The tangent kernel of a function at a point.

    .. math:: K = J J^\top, \qquad K_{ij} = \langle \nabla z_i, \nabla z_j \rangle

    It has the non-zero eigenvalues of the Gauss-Newton matrix :math:`J^\top J`, and is the smaller of the
    two where there are fewer outputs than parameters.

    Source: Jacot, Gabriel & Hongler 2018, "Neural tangent kernel", NeurIPS.

    Args:
        fn: The outputs z: maps ``[P]`` to a tensor of any shape with m entries, in torch operations.
        w: The point, ``[P]``.

    Raises:
        ArgumentError: ``w`` is not a vector, or ``fn(w)`` is empty or complex.

    >>> import torch
    >>> KernelOperator(lambda w: torch.stack([w.sum(), w[0] ** 2]), torch.tensor([1.0, 3.0])).to_dense()
    tensor([[2., 2.],
            [2., 4.]])
    """

    def __init__(self, fn: Callable[[Tensor], Tensor], w: Tensor) -> None:
        self.jacobian = JacobianOperator(fn, w)
        m = self.jacobian.shape[0]
        super().__init__((m, m), dtype=w.dtype, device=w.device, positive=True)

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.jacobian @ (self.jacobian.H @ X)
        return out

    def _adjoint(self) -> "KernelOperator":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix from the Jacobian's, which costs min(m, P) products."""
        J = self.jacobian.to_dense()
        return J @ J.mT
