"""An estimate of the norm of an inverse from a few solves."""

from collections.abc import Callable

import torch
from torch import Tensor


def inverse_norm_estimate(
    solve: Callable[[Tensor], Tensor], adjoint_solve: Callable[[Tensor], Tensor], like: Tensor
) -> Tensor:
    r"""Estimate :math:`\|A^{-1}\|_1` from below, usually within a factor of three.

    .. math:: \|A^{-1}\|_1 = \max_{\|x\|_1 = 1} \|A^{-1} x\|_1

    Convex maximisation over the vertices of the unit ball, plus Higham's alternating vector, which catches
    the known counter-examples. It is a lower bound, so that it supports an indicator and never a proof.

    Source: N. J. Higham, "FORTRAN codes for estimating the one-norm of a real or complex matrix",
    ACM Trans. Math. Softw. 14 (1988); W. W. Hager, SIAM J. Sci. Stat. Comput. 5 (1984).

    Args:
        solve: Maps ``[..., n, 1]`` to :math:`A^{-1} b`.
        adjoint_solve: Maps ``[..., n, 1]`` to :math:`A^{-\top} b`.
        like: A tensor ``[..., n, n]`` whose shape, dtype and device are taken.

    Returns:
        The estimate, ``[...]``; infinite where a solve is not finite.

    >>> d = torch.tensor([[2.0], [0.5]])
    >>> inverse_norm_estimate(lambda b: b / d, lambda b: b / d, torch.eye(2)).item()
    2.0
    """
    n = like.shape[-1]
    x = torch.full((*like.shape[:-1], 1), 1.0 / n, dtype=like.dtype, device=like.device)
    estimate = torch.zeros(like.shape[:-2], dtype=like.dtype, device=like.device)
    for _ in range(4):
        y = solve(x)
        estimate = torch.maximum(estimate, y.abs().sum(dim=(-2, -1)))
        sign = torch.where(y >= 0, 1.0, -1.0).to(y.dtype)
        steepest = adjoint_solve(sign).abs().argmax(dim=-2, keepdim=True)
        x = torch.zeros_like(x).scatter_(-2, steepest, 1.0)
    index = torch.arange(n, dtype=like.dtype, device=like.device)
    alternating = (1 - 2 * (index % 2)) * (1 + index / max(n - 1, 1))
    y = solve(alternating[:, None].expand_as(x))
    estimate = torch.maximum(estimate, 2 * y.abs().sum(dim=(-2, -1)) / (3 * n))
    return torch.where(torch.isfinite(estimate), estimate, torch.inf)
