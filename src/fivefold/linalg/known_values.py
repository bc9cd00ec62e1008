"""What operators know about themselves without a product: trace, diagonal, spectrum."""

from collections.abc import Callable
from functools import singledispatch

import torch
from torch import Tensor

from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.compose import Adjoint, Scaled, Sum
from fivefold.linalg.dense import Dense
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.kronecker import Kronecker
from fivefold.linalg.low_rank import LowRankPlusDiagonal
from fivefold.linalg.operator import LinearOperator

_DENSE = 3000  # up to this size a factor's determinant takes a second or two


@singledispatch
def known_diagonal(A: LinearOperator) -> Tensor | None:
    """The diagonal ``[n]`` in float64, or ``None`` where it is not known without products.

    >>> from fivefold.linalg import Identity
    >>> known_diagonal(2.0 * Identity(2) + Identity(2)).tolist()
    [3.0, 3.0]
    """
    return None


@known_diagonal.register
def _(A: Dense) -> Tensor | None:
    return A.matrix.detach().diagonal().double()


@known_diagonal.register
def _(A: Diagonal) -> Tensor | None:
    return A.entries.detach().double()


@known_diagonal.register
def _(A: Identity) -> Tensor | None:
    return torch.ones(A.shape[0], dtype=torch.float64, device=A.device)


@known_diagonal.register
def _(A: Scaled) -> Tensor | None:
    inner = known_diagonal(A.operator)
    return None if inner is None else A.scalar * inner


@known_diagonal.register
def _(A: Adjoint) -> Tensor | None:
    return known_diagonal(A.operator)


@known_diagonal.register
def _(A: Sum) -> Tensor | None:
    parts = [known_diagonal(term) for term in A.terms]
    total = torch.zeros(A.shape[-1], dtype=torch.float64, device=A.device)
    for part in parts:
        if part is None:
            return None
        total = total + part
    return total


@known_diagonal.register
def _(A: LowRankPlusDiagonal) -> Tensor | None:
    low = torch.einsum("...ir,...r,...ir->...i", A.U.double(), A.weights.double(), A.V.double())
    return (A.diagonal.double() + low).detach()


@known_diagonal.register
def _(A: Kronecker) -> Tensor | None:
    return _joined(A.factors, torch.kron)


@known_diagonal.register
def _(A: BlockDiagonal) -> Tensor | None:
    return _joined(A.blocks, lambda left, right: torch.cat([left, right]))


def _joined(parts: tuple[LinearOperator, ...], join: Callable[[Tensor, Tensor], Tensor]) -> Tensor | None:
    """Join the diagonals of square parts; ``None`` where one is unknown or a part is not square."""
    out: Tensor | None = None
    for part in parts:
        here = known_diagonal(part) if part.shape[0] == part.shape[1] else None
        if here is None:
            return None
        out = here if out is None else join(out, here)
    return out


def split_known(A: LinearOperator) -> tuple[Tensor | None, LinearOperator | None]:
    """Split A into a part whose diagonal is known and an operator for the rest (either may be ``None``).

    >>> from fivefold.linalg import Dense, Identity
    >>> known, rest = split_known(Dense([[0.0, 1.0], [1.0, 0.0]]) @ Identity(2) + Identity(2))
    >>> known.tolist(), rest.shape
    ([1.0, 1.0], (2, 2))
    """
    whole = known_diagonal(A)
    if whole is not None:
        return whole, None
    if isinstance(A, Scaled):
        inner, left = split_known(A.operator)
        return (
            None if inner is None else A.scalar * inner,
            None if left is None else Scaled(A.scalar, left),
        )
    if not isinstance(A, Sum):
        return None, A
    known: Tensor | None = None
    rest: list[LinearOperator] = []
    for term in A.terms:
        part, remainder = split_known(term)
        if part is not None:
            known = part if known is None else known + part
        if remainder is not None:
            rest.append(remainder)
    if known is None or (any(not term.symmetric for term in rest) and A.symmetric):
        return None, A  # a rest that lost the claim of symmetry would need more products
    return known, rest[0] if len(rest) == 1 else Sum(*rest)


@singledispatch
def known_eigenvalues(A: LinearOperator) -> Tensor | None:
    """All eigenvalues ``[n]`` of a symmetric operator in float64, in any order, or ``None``.

    >>> from fivefold.linalg import Diagonal
    >>> known_eigenvalues(-1.0 * Diagonal([1.0, 2.0])).tolist()
    [-1.0, -2.0]
    """
    return None


@known_eigenvalues.register
def _(A: Diagonal) -> Tensor | None:
    return A.entries.detach().double()


@known_eigenvalues.register
def _(A: Identity) -> Tensor | None:
    return torch.ones(A.shape[0], dtype=torch.float64, device=A.device)


@known_eigenvalues.register
def _(A: Scaled) -> Tensor | None:
    inner = known_eigenvalues(A.operator)
    return None if inner is None else A.scalar * inner


@known_eigenvalues.register
def _(A: Sum) -> Tensor | None:
    """The identity's multiples shift a spectrum; sums of diagonals are diagonal."""
    shift, others = _shifted(A)
    if not others:
        return torch.full((A.shape[0],), shift, dtype=torch.float64, device=A.device)
    if len(others) == 1:
        inner = known_eigenvalues(others[0])
        return None if inner is None else inner + shift
    if all(isinstance(term, Diagonal) for term in others):
        return known_diagonal(A)
    return None


@singledispatch
def known_slogdet(A: LinearOperator) -> tuple[float, float] | None:
    """Sign and logarithm of the determinant from the structure, or ``None``.

    >>> from fivefold.linalg import Kronecker
    >>> known_slogdet(Kronecker([[2.0]], [[-1.0]]))[0]
    -1.0
    """
    return None


@known_slogdet.register(Kronecker)
@known_slogdet.register(BlockDiagonal)
def _(A: Kronecker | BlockDiagonal) -> tuple[float, float] | None:
    parts = A.factors if isinstance(A, Kronecker) else A.blocks
    if any(part.shape[0] != part.shape[1] or part.shape[0] > _DENSE for part in parts):
        return None
    sign, log = A.slogdet()
    return float(sign), float(log)


@known_slogdet.register
def _(A: LowRankPlusDiagonal) -> tuple[float, float] | None:
    if bool((A.diagonal == 0).any()):
        return None
    sign, log = A.slogdet()
    return float(sign), float(log)


def _shifted(A: Sum) -> tuple[float, list[LinearOperator]]:
    shift, others = 0.0, []
    for term in A.terms:
        factor = identity_factor(term)
        if factor is None:
            others.append(term)
        else:
            shift += factor
    return shift, others


def identity_factor(A: LinearOperator) -> float | None:
    """The number c where A is c times the identity, or ``None``.

    >>> from fivefold.linalg import Identity
    >>> identity_factor(3.0 * Identity(2))
    3.0
    """
    if isinstance(A, Identity):
        return 1.0
    if isinstance(A, Scaled):
        inner = identity_factor(A.operator)
        return None if inner is None else A.scalar * inner
    return None


def spectrum_floor(A: LinearOperator) -> float | None:
    r"""A proven lower bound of the spectrum of a symmetric operator, or ``None``.

    A positive operator has 0; a sum has the sum of its terms' bounds (Weyl).

    >>> from fivefold.linalg import Dense, Identity
    >>> spectrum_floor(Dense([[2.0]], positive=True) + 0.5 * Identity(1))
    0.5
    """
    values = known_eigenvalues(A)
    if values is not None:
        return float(values.min())
    if isinstance(A, Scaled) and A.scalar >= 0:
        inner = spectrum_floor(A.operator)
        return None if inner is None else A.scalar * inner
    if isinstance(A, Sum):
        total = 0.0
        for term in A.terms:
            low = spectrum_floor(term)
            if low is None:
                return None
            total += low
        return total
    return 0.0 if A.positive else None
