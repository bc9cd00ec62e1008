"""Residual and error bound of a system of low rank plus diagonal, through Woodbury's small matrix."""

import torch
from torch import Tensor

from fivefold.linalg.doubled import doubled_residual, pair_product, two_product
from fivefold.linalg.low_rank import LowRankPlusDiagonal

_UNIT = 2.0**-53
_CHEAP = 20_000_000  # products n r k up to which residuals are doubled: a second or two


def low_rank_residual(A: LowRankPlusDiagonal, x: Tensor, B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return :math:`b - A x`, a bound of its rounding, and what rounding does in working precision.

    .. math:: b - d x - U (w\, V^\top x)

    in doubled precision where that is cheap; then :math:`V^\top x`, the sum over all n, costs no digit.

    Args:
        A: In float64.
        x: ``[n, k]``.
        B: ``[n, k]``.

    >>> A = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [1.0]])
    >>> low_rank_residual(A, torch.ones(2, 1).double(), 3 * torch.ones(2, 1).double())[0].tolist()
    [[0.0], [0.0]]
    """
    n, r = A.U.shape
    wide = A.weights.abs()[:, None] * (A.V.abs().mT @ x.abs())
    direct, through = A.diagonal.abs()[:, None] * x.abs() + B.abs(), A.U.abs() @ wide
    plain = (n + r + 6) * _UNIT * (direct + through)
    if n * r * x.shape[1] > _CHEAP:
        return B - A.apply(x), plain, plain
    zero = torch.zeros(r, x.shape[1], dtype=x.dtype, device=x.device)
    t, t_low = doubled_residual(-A.V.mT.contiguous(), x, zero)
    s, s_low = pair_product(t, t_low, A.weights[:, None])
    p, e = two_product(A.diagonal[:, None], x)
    high, low = doubled_residual(A.U, s, B, -e - A.U @ s_low, p)
    out = high + low
    squares = ((n + 2) ** 2 + 4 * r + 20) * through + (r + 8) ** 2 * direct
    return out, _UNIT * out.abs() + 2 * _UNIT**2 * squares, plain


def woodbury_error(A: LowRankPlusDiagonal, residual: Tensor, rounding: Tensor) -> Tensor | None:
    r"""Bound :math:`|A^{-1} \rho|`, entry by entry, for all :math:`\rho` within the rounding.

    .. math:: A^{-1} \rho = D^{-1} (\rho - U S^{-1} W V^\top D^{-1} \rho), \qquad
              S = I + W V^\top D^{-1} U

    The inverse of S, r by r, is computed; with T close to it and :math:`\alpha \ge \|I - T S\|_\infty`,
    :math:`|S^{-1} v - T v| \le \alpha / (1 - \alpha) \|T v\|_\infty`. So no norm of :math:`A^{-1}` is needed,
    and A need be neither symmetric nor definite.

    Args:
        A: In float64, without zeros on the diagonal.
        residual: ``[n, k]``.
        rounding: ``[n, k]``, not negative.

    Returns:
        ``[n, k]``, or ``None`` where S is singular to rounding.

    >>> A = LowRankPlusDiagonal([1.0, 1.0], [[1.0], [1.0]])
    >>> woodbury_error(A, torch.tensor([[3.0], [0.0]]).double(), torch.zeros(2, 1).double()).round().tolist()
    [[2.0], [1.0]]
    """
    d, U, V, w = A.diagonal[:, None], A.U, A.V, A.weights[:, None]
    n, r = U.shape
    scaled = V / d
    eye = torch.eye(r, dtype=U.dtype, device=U.device)
    S = eye + w * (scaled.mT @ U)
    gap = (n + 6) * _UNIT * (eye + w.abs() * (scaled.abs().mT @ U.abs()))
    T, info = torch.linalg.inv_ex(S)
    if int(info) != 0 or not bool(torch.isfinite(T).all()):
        return None
    size = T.abs()
    defect = (eye - T @ S).abs() + size @ gap + (r + 4) * _UNIT * (size @ S.abs() + eye)
    alpha = float(defect.sum(dim=1).max())
    if not alpha < 0.5:
        return None
    loss = alpha / (1 - alpha)
    # g = V' D^-1 rho, then h = S^-1 W g, each with what it can be off by.
    g = scaled.mT @ residual
    g_off = scaled.abs().mT @ (rounding + (n + 4) * _UNIT * residual.abs())
    h = T @ (w * g)
    off = size @ (w.abs() * (g_off + (r + 4) * _UNIT * g.abs()))
    h_off = off + loss * (h.abs().amax(dim=0) + off.amax(dim=0))
    y = residual - U @ h
    y_off = rounding + U.abs() @ h_off + (r + 4) * _UNIT * (residual.abs() + U.abs() @ h.abs())
    out: Tensor = (y.abs() + y_off) / d.abs() * (1 + (n + 8) * _UNIT)
    return out
