"""Eigenpairs through the structure of an operator: Kronecker products and block diagonals."""

from functools import singledispatch

import torch
from torch import Tensor

from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.kronecker import Kronecker
from fivefold.linalg.operator import LinearOperator

_PART = 3000  # parts larger than this are left to Lanczos

Pairs = tuple[str, Tensor, Tensor, float | None]
"""Method, values ``[k]``, vectors ``[n, k]`` and the next value, or ``None`` where all were taken."""


@singledispatch
def structured_pairs(A: LinearOperator, k: int, largest: bool) -> Pairs | None:
    """Return k eigenpairs of a symmetric operator through its parts, or ``None`` where it has none.

    >>> structured_pairs(Kronecker(torch.eye(2)), 1, True) is None
    True
    """
    return None


@structured_pairs.register
def _(A: Kronecker, k: int, largest: bool) -> Pairs | None:
    if not all(f.symmetric for f in A.factors) or max(f.shape[0] for f in A.factors) > _PART:
        return None
    found = [_dense(factor) for factor in A.factors]
    values = torch.ones(1, dtype=torch.float64, device=A.device)
    for one, _ in found:
        values = torch.kron(values, one)
    order, following = _order(values, k, largest)
    vectors = torch.ones(1, k, dtype=torch.float64, device=A.device)
    rest, right = order, len(values)
    for one, basis in found:
        right //= len(one)
        column = basis[:, rest // right]
        rest = rest % right
        vectors = (vectors[:, None, :] * column[None]).reshape(-1, k)
    return "kronecker", values[order].to(A.dtype), vectors.to(A.dtype), following


@structured_pairs.register
def _(A: BlockDiagonal, k: int, largest: bool) -> Pairs | None:
    if not all(b.symmetric for b in A.blocks) or max(b.shape[0] for b in A.blocks) > _PART:
        return None
    found = [_dense(block) for block in A.blocks]
    values = torch.cat([one for one, _ in found])
    order, following = _order(values, k, largest)
    vectors = torch.zeros(A.shape[0], k, dtype=torch.float64, device=A.device)
    start = 0
    for one, basis in found:
        inside = (order >= start) & (order < start + len(one))
        vectors[start : start + len(one), inside] = basis[:, order[inside] - start]
        start += len(one)
    return "blocks", values[order].to(A.dtype), vectors.to(A.dtype), following


def _dense(A: LinearOperator) -> tuple[Tensor, Tensor]:
    matrix = A.to_dense().detach().double()
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return values, vectors


def _order(values: Tensor, k: int, largest: bool) -> tuple[Tensor, float | None]:
    order = values.argsort(descending=largest, stable=True)
    return order[:k], float(values[order[k]]) if k < len(values) else None
