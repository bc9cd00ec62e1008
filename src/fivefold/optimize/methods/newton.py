"""Newton's direction, made one of descent where the Hessian is indefinite."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def newton_direction(hessian: Tensor, gradient: Tensor) -> Tensor:
    r"""Solve H p = -g by Cholesky, and where H is not safely positive definite, |H| p = -g.

    With H = V diag(lambda) V^T, |H| = V diag(max(|lambda|, d)) V^T, d = 1e-8 max |lambda|: directions of
    negative curvature are followed downhill rather than climbed (Nocedal and Wright, "Numerical
    Optimization", 2006, section 3.4; Dauphin et al., "Saddle-free Newton", 2014).

    Args:
        hessian: Symmetric [B, P, P], finite.
        gradient: [B, P].

    Returns:
        p [B, P], with g . p < 0 wherever g is not 0.

    >>> H, g = torch.diag(torch.tensor([2.0, -4.0]))[None], torch.tensor([[2.0, 4.0]])
    >>> newton_direction(H, g).tolist()
    [[-1.0, -1.0]]
    """
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if hessian.shape[0] == 1 and _well_conditioned(factor[0], failed):
        return -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    diagonal = factor.diagonal(dim1=-2, dim2=-1)
    # the ratio of pivots bounds the condition from below; near 1 / eps the solve would be noise
    ratio = diagonal.amin(-1) / diagonal.amax(-1)
    safe = (failed == 0) & (ratio * ratio > 10 * torch.finfo(hessian.dtype).eps)
    direction = torch.zeros_like(gradient)
    if bool(safe.any()):
        direction[safe] = -torch.cholesky_solve(gradient[safe][..., None], factor[safe])[..., 0]
    if not bool(safe.all()):
        rest = ~safe
        values, vectors = torch.linalg.eigh(hessian[rest])
        size = values.abs().amax(-1, keepdim=True)
        # a Hessian of zeros leaves steepest descent
        floor = torch.where(size > 0, 1e-8 * size, 1.0)
        coefficients = (vectors.mT @ gradient[rest][..., None])[..., 0]
        step = coefficients / torch.maximum(values.abs(), floor)
        direction[rest] = -(vectors @ step[..., None])[..., 0]
    return direction


def _well_conditioned(factor: Tensor, failed: Tensor) -> bool:
    """Whether a Cholesky factor [P, P] is safe to solve with, in plain numbers; false where it holds NaN."""
    low, high = factor.diagonal().aminmax()
    ratio = float(low) / max(float(high), torch.finfo(factor.dtype).tiny)
    return not bool(failed) and ratio * ratio > 10 * torch.finfo(factor.dtype).eps


def truncated_newton(
    product: Callable[[Tensor], Tensor], gradient: Tensor, *, iterations: int | None = None
) -> tuple[Tensor, Tensor | None]:
    r"""Solve H p = -g roughly by conjugate gradients, with products alone; stop at negative curvature.

    |H p + g| <= min(1/2, sqrt|g|) |g|, the tolerance with which the outer iteration converges faster than
    linearly (Dembo and Steihaug, 1983; Nocedal and Wright, 2006, algorithm 7.1).

    Args:
        product: v -> H v for vectors [P].
        gradient: g [P].
        iterations: Most products; P by default.

    Returns:
        The solution so far [P], one of descent, or zeros where the negative gradient itself has no positive
        curvature; and the direction [P] at which the curvature was found not to be positive, or ``None``.

    >>> truncated_newton(lambda v: 2 * v, torch.tensor([2.0, 4.0]))
    (tensor([-1., -2.]), None)
    >>> truncated_newton(lambda v: -2 * v, torch.tensor([2.0, 4.0]))
    (tensor([0., 0.]), tensor([-2., -4.]))
    """
    length = float(gradient.norm())
    target = min(0.5, math.sqrt(length)) * length
    solution, residual, along = torch.zeros_like(gradient), gradient, -gradient
    square = residual @ residual
    for _ in range(iterations or gradient.numel()):
        image = product(along)
        bend = along @ image
        if not bool(bend > torch.finfo(gradient.dtype).eps * (along @ along)):
            return solution, along
        rate = square / bend
        solution = solution + rate * along
        residual = residual + rate * image
        new = residual @ residual
        if not bool(new > target * target):
            break
        along = -residual + (new / square) * along
        square = new
    return solution, None
