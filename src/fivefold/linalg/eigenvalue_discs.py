"""Discs that provably hold the eigenvalues of a matrix, and the eigenpairs improved on the way."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.split_product import eigen_residual

_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class Discs:
    """Eigenpairs and the discs around the values.

    Args:
        values: Complex ``[n]``, corrected to first order where they are isolated.
        vectors: Complex unit columns ``[n, n]``, corrected likewise.
        radii: ``[n]``; infinite where nothing is proved.
        isolated: ``[n]``: whether the disc is known to hold exactly one eigenvalue.
        condition: 1-norm condition of the eigenbasis.
    """

    values: Tensor
    vectors: Tensor
    radii: Tensor
    isolated: Tensor
    condition: float


def eigenvalue_discs(A: Tensor, values: Tensor, V: Tensor) -> Discs:
    r"""Enclose the eigenvalues of A by Gershgorin's theorem in the computed eigenbasis.

    With :math:`Y \approx V^{-1}`, :math:`G = I - Y V` and the residual :math:`R = A V - V \Lambda`, A is
    similar to :math:`\Lambda + F`, :math:`F = (I - G)^{-1} Y R`, whose entries are :math:`(Y R)_{ij}` up to
    :math:`E_{ij} = \sum_l |G|_{il} \max_l |Y R|_{lj} / (1 - \|G\|_\infty)` and rounding. So the discs

    .. math:: |z - c_i| \le E_{ii} + t_i r_i, \qquad c_i = \lambda_i + (Y R)_{ii}, \qquad
              r_i = \textstyle\sum_{j \ne i} |F|_{ij}

    hold the spectrum with :math:`t_i = 1`. A disc that meets no other one holds exactly one eigenvalue; then
    the i-th basis vector may be scaled by :math:`t_i = \max_{j \ne i} |F|_{ji} / g_{ij}`, with :math:`g_{ij}`
    the gap between the discs i and j, and the disc still meets no other one. This
    leaves the rounding of :math:`c_i` and terms of second order: the radius follows the condition
    :math:`\|y_i\| \|v_i\|` of that eigenvalue and not the condition of the whole basis. R is formed beyond
    working precision; otherwise its own rounding would be all that the discs show.

    Source: J. H. Wilkinson, "The Algebraic Eigenvalue Problem", 1965, chapter 2, sections 13 to 16; S. M.
    Rump, Acta Numerica 19 (2010), section 13.

    Args:
        A: ``[n, n]`` in float64.
        values: Complex ``[n]``, as LAPACK orders them: the conjugate pairs with the positive one first.
        V: Complex unit columns ``[n, n]``.

    Returns:
        The discs; as many eigenvalues lie in each connected part as it has discs.

    >>> A = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).double()
    >>> found = eigenvalue_discs(A, *torch.linalg.eig(A))
    >>> found.values.tolist(), float(found.radii.max()) < 1e-14
    ([(1+0j), (3+0j)], True)
    """
    n = A.shape[0]
    infinite = torch.full((n,), math.inf, dtype=torch.float64, device=A.device)
    none = torch.zeros(n, dtype=torch.bool, device=A.device)
    Y, info = torch.linalg.inv_ex(V)
    if int(info) != 0 or not bool(torch.isfinite(Y.abs()).all()):
        return Discs(values, V, infinite, none, math.inf)
    condition = float(torch.linalg.matrix_norm(V, 1) * torch.linalg.matrix_norm(Y, 1))
    unit = (4 * n + 16) * _UNIT  # complex inner products of length n, generously
    size = Y.abs()
    eye = torch.eye(n, dtype=torch.float64, device=A.device)
    G = (eye - Y @ V).abs() + unit * (size @ V.abs() + eye)
    rows = G.sum(dim=1) * (1 + unit)
    alpha = float(rows.max())
    if not alpha < 0.5:
        return Discs(values, V, infinite, none, condition)
    R, a, b, epsilon = eigen_residual(A, V, values)
    P = Y @ R
    E = unit * (size @ R.abs()) + torch.outer(size @ a, b) * (epsilon * (1 + unit))
    F = P.abs() + E
    E = E + torch.outer(rows, F.amax(dim=0)) / (1 - alpha)
    F = (P.abs() + E) * (1 + unit)
    shift, off = _conjugate(P.diagonal(), values)
    centres = values + shift
    own = (E.diagonal() + off) * (1 + unit) + 1.001 * _UNIT * centres.abs()
    F.fill_diagonal_(0)
    others = F.sum(dim=1) * (1 + unit)
    whole = own + others
    gap = (centres[:, None] - centres).abs() * (1 - 8 * _UNIT) - (whole[:, None] + whole)
    gap.fill_diagonal_(math.inf)
    isolated = (gap > 0).all(dim=1)
    # Conjugates are corrected together or not at all, so that they stay conjugates.
    t = (F.mT / torch.where(gap > 0, gap, torch.inf)).amax(dim=1) * (1 + unit)
    radii = torch.where(isolated, own + torch.minimum(t, torch.ones_like(t)) * others * (1 + unit), whole)
    pairs = values.imag != 0
    partner = torch.arange(n, device=A.device) + torch.where(pairs, values.imag.sign(), 0.0).long()
    both = isolated & isolated[partner]
    # Where nothing is corrected the disc is about the old value.
    radii = torch.where(both, radii, radii + shift.abs() * (1 + unit))
    new = torch.where(both, centres, values)
    return Discs(new, _corrected(P, values, V, both), radii, isolated, condition)


def _conjugate(diagonal: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """First-order corrections that keep real values real and pairs conjugate, and what that costs."""
    first, second = (values.imag > 0).nonzero()[:, 0], (values.imag < 0).nonzero()[:, 0]
    shift = diagonal.clone()
    real = values.imag == 0
    shift[real] = diagonal[real].real.to(shift.dtype)
    shift[second] = diagonal[first].conj()
    return shift, (shift - diagonal).abs()


def _corrected(P: Tensor, values: Tensor, V: Tensor, chosen: Tensor) -> Tensor:
    r"""Vectors :math:`v_i + \sum_j v_j P_{ji} / (\lambda_i - \lambda_j)`: the residual stays at rounding."""
    difference = values[None] - values[:, None]
    Q = torch.where((difference != 0) & chosen, P / torch.where(difference == 0, 1.0, difference), 0.0)
    moved = V + V @ Q
    real = values.imag == 0
    moved[:, real] = moved[:, real].real.to(V.dtype)
    moved[:, values.imag < 0] = moved[:, values.imag > 0].conj()
    moved = moved / torch.linalg.vector_norm(moved, dim=0)
    return torch.where(chosen, moved, V)
