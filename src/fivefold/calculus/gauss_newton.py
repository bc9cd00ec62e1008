"""The Gauss-Newton matrix: the part of a Hessian that needs no second derivative of the model."""

from collections.abc import Callable

from torch import Tensor

from fivefold.calculus.jacobian import JacobianOperator
from fivefold.core import require
from fivefold.linalg import Diagonal, LinearOperator


class GaussNewtonOperator(LinearOperator):
    r"""The generalised Gauss-Newton matrix of a loss of the outputs of a function.

    .. math:: G = J^\top C J, \qquad J = \partial z / \partial w, \quad C = \nabla^2_z \ell(z)

    The Hessian of :math:`\ell(z(w))` is :math:`G + \sum_i \partial_{z_i} \ell\, \nabla^2 z_i`: the two agree
    where z is linear in w or the loss is at its minimum in z.

    Source: Schraudolph 2002, "Fast curvature matrix-vector products for second-order gradient descent",
    Neural Computation 14.

    Args:
        fn: The outputs z: maps ``[P]`` to a tensor of any shape with m entries, in torch operations.
        w: The point, ``[P]``.
        curvature: C: an operator ``(m, m)``, or its diagonal with m entries in the shape of z; the identity
            (least squares, :math:`\ell = \tfrac12 \lVert z \rVert^2`) by default.

    Raises:
        ArgumentError: ``w`` is not a vector, or the curvature does not fit the outputs.

    >>> import torch
    >>> w = torch.tensor([1.0, 3.0])
    >>> GaussNewtonOperator(lambda w: w**2, w, torch.tensor([1.0, 0.5])).to_dense()
    tensor([[ 4.,  0.],
            [ 0., 18.]])
    """

    def __init__(
        self,
        fn: Callable[[Tensor], Tensor],
        w: Tensor,
        curvature: LinearOperator | Tensor | None = None,
    ) -> None:
        self._setup(JacobianOperator(fn, w), curvature)

    @classmethod
    def of(
        cls, jacobian: JacobianOperator, curvature: LinearOperator | Tensor | None = None
    ) -> "GaussNewtonOperator":
        """Make the operator from a Jacobian, with the plan of its products and what it retains."""
        made = cls.__new__(cls)
        made._setup(jacobian, curvature)
        return made

    def _setup(self, jacobian: JacobianOperator, curvature: LinearOperator | Tensor | None) -> None:
        self.jacobian = jacobian
        m, P = jacobian.shape
        C = Diagonal(curvature.reshape(-1)) if isinstance(curvature, Tensor) else curvature
        require(
            C is None or (C.shape == (m, m) and C.symmetric),
            f"a symmetric curvature of shape ({m}, {m}), one row per output",
            C,
        )
        super().__init__(
            (P, P),
            dtype=jacobian.dtype,
            device=jacobian.device,
            symmetric=True,
            positive=C is None or C.positive,
        )
        self.curvature = C

    @property
    def mode(self) -> str:
        """How ``J v`` is made: ``"forward"`` or ``"double reverse"``."""
        return self.jacobian.mode

    def _weighted(self, Z: Tensor) -> Tensor:
        return Z if self.curvature is None else (self.curvature @ Z).to(self.dtype)

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.jacobian.H @ self._weighted(self.jacobian @ X)
        return out

    def _adjoint(self) -> "GaussNewtonOperator":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix from the Jacobian's, which costs min(m, P) products."""
        J = self.jacobian.to_dense()
        return J.mT @ self._weighted(J)
