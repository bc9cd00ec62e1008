"""The Gram operator of a linear map, with the structure that the map allows."""

from functools import singledispatch

from fivefold.linalg.compose import Product, Scaled
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.operator import LinearOperator


@singledispatch
def gram(A: LinearOperator) -> LinearOperator:
    r"""Return :math:`A^\top A` as a positive operator.

    Dense stays dense (summed in float64), diagonal stays diagonal, a data matrix is read once; anything else
    becomes a lazy product.

    Args:
        A: ``[..., m, n]``.

    Returns:
        An operator ``[..., n, n]`` with ``positive`` set, in the dtype of A.

    >>> from fivefold.linalg import Dense
    >>> gram(Dense([[1.0, 2.0]])).to_dense().tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    return Product(A.adjoint(), A, positive=True)


@gram.register
def _(A: Dense) -> LinearOperator:
    wide = A.matrix.double()
    return Dense((wide.mT @ wide).to(A.dtype), positive=True)


@gram.register
def _(A: Diagonal) -> LinearOperator:
    return Diagonal(A.entries**2)


@gram.register
def _(A: Identity) -> LinearOperator:
    return A


@gram.register
def _(A: Scaled) -> LinearOperator:
    return Scaled(A.scalar**2, gram(A.operator))


@gram.register
def _(A: DataMatrix) -> LinearOperator:
    return Dense(A.gram().to(A.dtype), positive=True)
