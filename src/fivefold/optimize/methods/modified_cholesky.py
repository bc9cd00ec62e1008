"""Newton by a modified Cholesky factorization: the Hessian plus the little that makes it positive."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.directions import finite_hessians


@dataclass(frozen=True, eq=False, slots=True)
class ModifiedFactor:
    r"""P^T (H + E) P = L D L^T, with D block diagonal and positive definite.

    Args:
        factors: L and D in LAPACK's packing [B, P, P].
        pivots: The permutation [B, P].
        changed: Whether E is not 0, per matrix [B].
    """

    factors: Tensor
    pivots: Tensor
    changed: Tensor

    def solve(self, right: Tensor) -> Tensor:
        """(H + E)^{-1} b for b [B, P]."""
        solution: Tensor = torch.linalg.ldl_solve(self.factors, self.pivots, right[..., None])[..., 0]
        return solution


def modified_cholesky(H: Tensor, *, delta: float | None = None) -> ModifiedFactor:
    r"""Factorize symmetric matrices, and raise the pivots that are not positive.

    Bunch-Kaufman's H = P L D L^T P^T has blocks of order 1 and 2 on the diagonal of D; every eigenvalue d of
    a block becomes max(\|d\|, delta). Cheng and Higham, "A modified Cholesky algorithm based on a symmetric
    indefinite factorization", 1998, who take max(d, delta): with \|d\|, a direction of strong negative
    curvature is not followed 1 / delta far. A matrix that is safely positive definite is left as it is.

    Args:
        H: Symmetric [B, P, P], finite.
        delta: Smallest eigenvalue of a block, relative to the largest entry of H; sqrt(eps) by default.

    Returns:
        The factorization of H + E.

    >>> factor = modified_cholesky(torch.diag(torch.tensor([2.0, -4.0]))[None])
    >>> factor.solve(torch.tensor([[2.0, 4.0]])).tolist(), factor.changed.tolist()
    ([[1.0, 1.0]], [True])
    """
    share = torch.finfo(H.dtype).eps ** 0.5 if delta is None else delta
    size = H.abs().amax((-2, -1))
    # a matrix of zeros becomes the identity, as its pivots are then 1
    floor = torch.where(size > 0, share * size, 1.0)[:, None]
    # a zero pivot is reported in the third, and raised below like every other
    factors, pivots, _ = torch.linalg.ldl_factor_ex(H)
    factors = factors.clone()
    diagonal = factors.diagonal(dim1=-2, dim2=-1)
    below = factors.diagonal(offset=-1, dim1=-2, dim2=-1)
    # the two rows of a block of order 2 bear the same negative pivot
    first = torch.zeros_like(pivots, dtype=torch.bool)
    for k in range(H.shape[-1] - 1):
        # blocks do not overlap
        free = ~first[:, k - 1] if k > 0 else torch.ones_like(first[:, 0])
        first[:, k] = free & (pivots[:, k] < 0)
    second = torch.zeros_like(first)
    second[:, 1:] = first[:, :-1]
    single = ~first & ~second
    raised = torch.maximum(diagonal.abs(), floor)
    changed = (single & (raised != diagonal)).any(-1) | first.any(-1)
    diagonal.copy_(torch.where(single, raised, diagonal))
    row, column = first.nonzero(as_tuple=True)
    if row.shape[0] > 0:
        a, b, c = diagonal[row, column], below[row, column], diagonal[row, column + 1]
        block = torch.stack([torch.stack([a, b], -1), torch.stack([b, c], -1)], -2)
        values, Q = torch.linalg.eigh(block)
        values = torch.maximum(values.abs(), floor[row, 0][:, None])
        block = Q @ (values[..., None] * Q.mT)
        # LAPACK divides by the entry off the diagonal, which two equal eigenvalues would make 0
        least = 1e-8 * values.amin(-1)
        off = block[:, 1, 0]
        off = torch.where(off.abs() < least, least, off)
        diagonal[row, column], diagonal[row, column + 1] = block[:, 0, 0], block[:, 1, 1]
        below[row, column] = off
    return ModifiedFactor(factors, pivots, changed)


class ModifiedNewton:
    """Newton with the dense Hessian of each point, factorized with as much on its diagonal as it takes.

    Args:
        objective: F.
    """

    curvature = 0.9

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """-(H + E)^{-1} g; the negative gradient where the Hessian is not finite."""
        H = finite_hessians(self._objective, w[rows])
        return -modified_cholesky(H).solve(gradient[rows]), torch.ones_like(gradient[rows, 0])

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Hessian is known."""

    def reset(self, rows: Tensor) -> None:
        """Nothing was learned."""
