"""Operators made of operators: sum, product, multiple and adjoint, evaluated lazily."""

import math
from collections.abc import Callable
from functools import reduce
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.operator import LinearOperator


def _joint_dtype(parts: tuple[LinearOperator, ...]) -> torch.dtype:
    return reduce(torch.promote_types, (part.dtype for part in parts))


def _joint_batch(parts: tuple[LinearOperator, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*(part.batch for part in parts))
    except ValueError:
        batches = ", ".join(str(part.batch) for part in parts)
        require(False, "operators whose batch dimensions broadcast", batches)
        raise


class Sum(LinearOperator):
    r"""The sum :math:`A_1 + \dots + A_r` of operators of one shape.

    Symmetric where every term is, positive where every term is.

    Raises:
        ArgumentError: No terms, or different shapes.

    >>> from fivefold.linalg import Identity
    >>> Sum(Identity(2), Identity(2)) @ torch.tensor([1.0, 2.0], dtype=torch.float64)
    tensor([2., 4.], dtype=torch.float64)
    """

    def __init__(self, *terms: LinearOperator) -> None:
        require(len(terms) > 0, "at least one term", "none")
        sizes = {term.shape[-2:] for term in terms}
        require(len(sizes) == 1, "terms of one shape", sorted(sizes))
        super().__init__(
            (*_joint_batch(terms), *terms[0].shape[-2:]),
            dtype=_joint_dtype(terms),
            device=terms[0].device,
            symmetric=all(term.symmetric for term in terms),
            positive=all(term.positive for term in terms),
        )
        self.terms = terms

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.terms[0].apply(X).to(self.dtype)
        for term in self.terms[1:]:
            out = out + term.apply(X).to(self.dtype)
        return out

    def _adjoint(self) -> "Sum":
        return Sum(*(term.adjoint() for term in self.terms))


class Product(LinearOperator):
    r"""The product :math:`A_1 A_2 \cdots A_r`: the last factor is applied first.

    Args:
        factors: Operators whose neighbouring sizes agree.
        symmetric: The caller's claim, which factors alone cannot show.
        positive: The caller's claim, as for :math:`X^\top X`.

    Raises:
        ArgumentError: No factors, or sizes that do not agree.

    >>> from fivefold.linalg import Dense
    >>> Product(Dense([[1.0, 2.0]]), Dense([[3.0], [4.0]])).to_dense()
    tensor([[11.]], dtype=torch.float64)
    """

    def __init__(self, *factors: LinearOperator, symmetric: bool = False, positive: bool = False) -> None:
        require(len(factors) > 0, "at least one factor", "none")
        for left, right in pairwise(factors):
            require(
                left.shape[-1] == right.shape[-2],
                "factors whose neighbouring sizes agree",
                f"{left.shape} @ {right.shape}",
            )
        super().__init__(
            (*_joint_batch(factors), factors[0].shape[-2], factors[-1].shape[-1]),
            dtype=_joint_dtype(factors),
            device=factors[0].device,
            symmetric=symmetric,
            positive=positive,
        )
        self.factors = factors

    def _matmat(self, X: Tensor) -> Tensor:
        for factor in reversed(self.factors):
            X = factor.apply(X).to(self.dtype)
        return X

    def _adjoint(self) -> "Product":
        return Product(*(factor.adjoint() for factor in reversed(self.factors)))


class Scaled(LinearOperator):
    """A multiple ``c * A``; positive where ``A`` is and ``c >= 0``.

    Raises:
        ArgumentError: ``c`` is not a finite number.

    >>> from fivefold.linalg import Identity
    >>> Scaled(-2.0, Identity(1)).to_dense()
    tensor([[-2.]], dtype=torch.float64)
    """

    def __init__(self, scalar: float, operator: LinearOperator) -> None:
        c = float(scalar)
        require(math.isfinite(c), "a finite factor", scalar)
        super().__init__(
            operator.shape,
            dtype=operator.dtype,
            device=operator.device,
            symmetric=operator.symmetric,
            positive=operator.positive and c >= 0,
        )
        self.scalar = c
        self.operator = operator

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.operator.apply(X)
        return self.scalar * out

    def _adjoint(self) -> "Scaled":
        return Scaled(self.scalar, self.operator.adjoint())


class Adjoint(LinearOperator):
    """The adjoint of an operator, given by the function that multiplies with it.

    What an operator returns from ``_adjoint`` when its adjoint has no structure of its own:
    ``return Adjoint(self, self._adjoint_matmat)``.

    Args:
        operator: The operator, of shape ``[..., m, n]``.
        product: Maps ``[..., m, k]`` to ``[..., n, k]``.

    >>> from fivefold.linalg import Dense
    >>> A = Dense([[1.0, 2.0]])
    >>> Adjoint(A, lambda Y: A.matrix.mT @ Y).to_dense()
    tensor([[1.],
            [2.]], dtype=torch.float64)
    """

    def __init__(self, operator: LinearOperator, product: Callable[[Tensor], Tensor]) -> None:
        *batch, m, n = operator.shape
        super().__init__((*batch, n, m), dtype=operator.dtype, device=operator.device)
        self.operator = operator
        self._product = product

    def _matmat(self, X: Tensor) -> Tensor:
        return self._product(X)

    def _adjoint(self) -> LinearOperator:
        return self.operator
