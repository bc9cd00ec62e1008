"""The Kronecker product of operators, by products with the factors alone."""

import math
from functools import reduce

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.memory import require_memory
from fivefold.linalg.operator import LinearOperator


class Kronecker(LinearOperator):
    r"""The Kronecker product :math:`A = A_1 \otimes \dots \otimes A_r`.

    .. math:: (A_1 \otimes A_2)\, x = \operatorname{vec}(A_1 X A_2^\top), \qquad x = \operatorname{vec}(X)

    vec reads rows first, as ``reshape`` does. Symmetric where every factor is, by its claim or as a matrix
    equal to its transpose; positive where every factor claims it. :func:`fivefold.linalg.solve` and
    :func:`fivefold.linalg.eigh` work through the factors.

    Source: C. F. Van Loan, "The ubiquitous Kronecker product", J. Comput. Appl. Math. 123 (2000).

    Args:
        factors: Matrices or operators ``[m_i, n_i]``, without batch dimensions.

    Raises:
        ArgumentError: No factors, or a batch of them.

    >>> A = Kronecker([[1.0, 2.0]], [[1.0], [3.0]])
    >>> A.to_dense().tolist()
    [[1.0, 2.0], [3.0, 6.0]]
    """

    def __init__(self, *factors: Array | LinearOperator) -> None:
        require(len(factors) > 0, "at least one factor", "none")
        parts = tuple(as_operator(factor, "a factor") for factor in factors)
        for part in parts:
            require(not part.batch, "factors without batch dimensions", part.shape, "loop over the batch")
        super().__init__(
            (math.prod(part.shape[0] for part in parts), math.prod(part.shape[1] for part in parts)),
            dtype=reduce(torch.promote_types, (part.dtype for part in parts)),
            device=parts[0].device,
            symmetric=all(_symmetric(part) for part in parts),
            positive=all(part.positive for part in parts),
        )
        self.factors = parts

    def _matmat(self, X: Tensor) -> Tensor:
        return along_axes(self.factors, X)

    def _adjoint(self) -> "Kronecker":
        return Kronecker(*(factor.adjoint() for factor in self.factors))

    def to_dense(self) -> Tensor:
        """Return the matrix; refused where it does not fit in the free memory."""
        size = self.shape[0] * self.shape[1] * self.dtype.itemsize
        require_memory(size, "a dense Kronecker product", "work with its products", self.device)
        return reduce(torch.kron, (factor.to_dense().to(self.dtype) for factor in self.factors))

    def slogdet(self) -> tuple[Tensor, Tensor]:
        r"""Return the sign and :math:`\log |\det A| = \sum_i (n / n_i) \log |\det A_i|` for square factors.

        Raises:
            ArgumentError: A factor is not square.
        """
        n = self.shape[0]
        sign = torch.ones((), dtype=torch.float64, device=self.device)
        size = torch.zeros_like(sign)
        for factor in self.factors:
            require(factor.shape[0] == factor.shape[1], "square factors", f"shape {factor.shape}")
            one_sign, one = torch.linalg.slogdet(factor.to_dense().double())
            power = n // factor.shape[0]
            sign, size = sign * one_sign**power, size + power * one
        return sign.to(self.dtype), size.to(self.dtype)


def _symmetric(part: LinearOperator) -> bool:
    if part.symmetric or not isinstance(part, Dense):
        return part.symmetric
    matrix = part.matrix
    return matrix.shape[0] == matrix.shape[1] and bool((matrix == matrix.mT).all())


def along_axes(factors: tuple[LinearOperator, ...], X: Tensor) -> Tensor:
    """Apply one factor to each axis of the columns of ``X``, ``[..., n_1 ... n_r, k]``.

    >>> from fivefold.linalg import Identity
    >>> along_axes((Identity(2), Identity(3)), torch.ones(6, 1)).shape
    torch.Size([6, 1])
    """
    *batch, n, k = X.shape
    X = X.reshape(-1, n, k)
    left, right = X.shape[0], n * k
    for factor in factors:
        m, size = factor.shape
        right //= size
        # One matrix product for each factor: its axis first, everything else beside it.
        flat = X.reshape(left, size, right).transpose(0, 1).reshape(size, left * right)
        X = factor.apply(flat).to(X.dtype).reshape(m, left, right).transpose(0, 1)
        left *= m
    rows = math.prod(factor.shape[0] for factor in factors)
    return X.reshape(*batch, rows, k)
