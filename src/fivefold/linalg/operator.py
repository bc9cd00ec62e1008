"""A linear map that is known by its products, and the operations that combine such maps."""

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array, in_kind, to_tensor
from fivefold.linalg.memory import require_memory

if TYPE_CHECKING:
    from fivefold.linalg.compose import Product, Scaled, Sum


class LinearOperator(ABC):
    r"""A linear map :math:`A: \mathbb{R}^n \to \mathbb{R}^m`, or a batch of them.

    .. math:: (A X)_{\ldots, i, j} = \sum_l A_{\ldots, i, l} X_{\ldots, l, j}

    A subclass writes two methods: :meth:`_matmat` and :meth:`_adjoint`. An operator works in its own dtype:
    what it is applied to is converted to it.

    Args:
        shape: ``(..., m, n)``, all positive.
        dtype: ``torch.float32`` or ``torch.float64``.
        device: Where the products are computed.
        symmetric: The maker's claim that :math:`A = A^\top`; then the adjoint is the operator itself.
        positive: The maker's claim that :math:`x^\top A x \ge 0` for every x; implies ``symmetric``.

    Raises:
        ArgumentError: A bad shape or dtype, or a claim that the shape contradicts.

    >>> from fivefold.linalg import Dense
    >>> A = Dense([[2.0, 1.0], [0.0, 3.0]])
    >>> A @ torch.tensor([1.0, 1.0], dtype=torch.float64)
    tensor([3., 3.], dtype=torch.float64)
    >>> ((2 * A + A) @ A.H).to_dense()
    tensor([[15.,  9.],
            [ 9., 27.]], dtype=torch.float64)
    """

    __array_ufunc__ = None  # lets ``numpy_scalar * A`` reach __rmul__ instead of broadcasting over A

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
        symmetric: bool = False,
        positive: bool = False,
    ) -> None:
        shape = tuple(int(size) for size in shape)
        require(
            len(shape) >= 2 and min(shape) > 0, "an operator of shape (..., m, n) with positive sizes", shape
        )
        require(dtype in (torch.float32, torch.float64), "an operator in float32 or float64", dtype)
        require(
            shape[-1] == shape[-2] or not (symmetric or positive),
            "a square operator where symmetry is claimed",
            f"shape {shape}",
        )
        self.shape = shape
        self.dtype = dtype
        self.device = torch.device(device)
        self.symmetric = symmetric or positive
        self.positive = positive

    @abstractmethod
    def _matmat(self, X: Tensor) -> Tensor:
        """Map ``X`` of shape ``[..., n, k]``, in the operator's dtype, to ``[..., m, k]``."""

    @abstractmethod
    def _adjoint(self) -> "LinearOperator":
        """Return the operator of shape ``[..., n, m]`` with :math:`<Ax, y> = <x, A^* y>`."""

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading dimensions; ``()`` for one operator."""
        return self.shape[:-2]

    def adjoint(self) -> "LinearOperator":
        """Return :math:`A^*`, which is the transpose for real numbers; itself where symmetric."""
        return self if self.symmetric else self._adjoint()

    @property
    def H(self) -> "LinearOperator":  # noqa: N802
        """Short for :meth:`adjoint`."""
        return self.adjoint()

    def to_dense(self) -> Tensor:
        """Return the matrix, shape ``[..., m, n]``; costs n products.

        Raises:
            ArgumentError: It does not fit in the free memory; the message says how large it would be.
        """
        size = math.prod(self.shape) * self.dtype.itemsize
        require_memory(size, "a dense matrix", "work with the products", self.device)
        identity = torch.eye(self.shape[-1], dtype=self.dtype, device=self.device)
        return self._matmat(identity.expand(*self.batch, *identity.shape))

    def apply(self, x: Array) -> Array:
        """Return :math:`A x` in the kind of ``x`` (tensor or NumPy).

        Args:
            x: A vector ``[n]``, or matrices ``[..., n, k]``; the leading dimensions broadcast with the
                operator's.

        Returns:
            ``[..., m]`` for a vector, ``[..., m, k]`` for matrices, in the operator's dtype.

        Raises:
            ArgumentError: The sizes do not fit.
        """
        X = to_tensor(x, "the right factor", finite=False).to(dtype=self.dtype, device=self.device)
        vector = X.ndim == 1
        if vector:
            X = X[:, None]
        n = self.shape[-1]
        require(
            X.shape[-2] == n,
            f"a vector [{n}] or matrices [..., {n}, k] for an operator of shape {self.shape}",
            f"shape {tuple(X.shape[:-1] if vector else X.shape)}",
        )
        out = self._matmat(X)
        return in_kind(out[..., 0] if vector else out, x)

    def __matmul__(self, other: Any) -> Any:
        """``A @ x`` for arrays, ``A @ B`` for operators (the product, evaluated lazily)."""
        if isinstance(other, LinearOperator):
            return self._times(other)
        return self.apply(other)

    def _times(self, other: "LinearOperator") -> "Product":
        from fivefold.linalg.compose import Product

        return Product(self, other)

    def __add__(self, other: "LinearOperator") -> "Sum":
        """``A + B``, evaluated lazily."""
        from fivefold.linalg.compose import Sum

        return Sum(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def __sub__(self, other: "LinearOperator") -> "Sum":
        """``A - B``, evaluated lazily."""
        return self + (-other) if isinstance(other, LinearOperator) else NotImplemented

    def __mul__(self, scalar: float) -> "Scaled":
        """``c * A`` for a number c."""
        from fivefold.linalg.compose import Scaled

        return Scaled(scalar, self)

    __rmul__ = __mul__

    def __neg__(self) -> "Scaled":
        """``-A``."""
        return self * -1.0

    def __repr__(self) -> str:
        claim = ", positive" if self.positive else ", symmetric" if self.symmetric else ""
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype}{claim})"


def require_matrix(A: LinearOperator, name: str, *, square: bool = False) -> None:
    """Refuse a batch of operators, and what is not square where ``square`` is asked.

    >>> from fivefold.linalg import Identity
    >>> require_matrix(Identity(3), "A", square=True)
    """
    require(len(A.shape) == 2, f"{name} as one matrix [m, n]", f"shape {A.shape}", "loop over the batch")
    require(not square or A.shape[0] == A.shape[1], f"a square {name}", f"shape {A.shape}")
