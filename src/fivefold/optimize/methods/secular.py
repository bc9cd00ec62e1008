"""Global minimisers of a quadratic within a ball or under a cubic penalty: one secular equation."""

from collections.abc import Callable

import torch
from torch import Tensor

_ROUNDS = 60


def ball_step(values: Tensor, coefficients: Tensor, radius: Tensor) -> Tensor:
    r"""Minimise g.s + s.H s / 2 over \|s\| <= radius, globally, for a batch of quadratics.

    s = -(H + mu I)^{-1} g with mu >= max(0, -lambda_1) and mu (radius - \|s\|) = 0; 1 / \|s(mu)\| is almost
    linear in mu, so Newton's method on it, kept within a bracket, takes a few rounds. In the hard case, where
    g has no part along the lowest eigenvector, that vector fills up the length. Moré and Sorensen, "Computing
    a trust region step", 1983; Conn, Gould and Toint, "Trust-region methods", 2000, section 7.3.

    Args:
        values: Eigenvalues lambda of H [R, m], ascending.
        coefficients: g in the eigenvectors [R, m].
        radius: [R], positive.

    Returns:
        s in the eigenvectors [R, m].

    >>> ball_step(torch.tensor([[2.0, 4.0]]), torch.tensor([[2.0, 4.0]]), torch.tensor([5.0])).tolist()
    [[-1.0, -1.0]]
    >>> ball_step(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([3.0])).norm()
    tensor(3.)
    """
    newton = torch.where(values > 0, -coefficients / torch.where(values > 0, values, 1.0), 0.0)
    inside = (values[:, 0] > 0) & (newton.norm(dim=-1) <= radius)
    floor = (-values[:, 0]).clamp_min(0)
    shifted = values + floor[:, None]
    low = (coefficients.abs() / radius[:, None] - shifted).amax(-1).clamp_min(0)
    high = coefficients.norm(dim=-1) / radius

    def length(shift: Tensor) -> tuple[Tensor, Tensor]:
        return radius + 0 * shift, torch.zeros_like(shift)

    outer = _solve(shifted, coefficients, low, high, length, ~inside)
    # where H is positive semidefinite only a gradient can push the step to the border
    return torch.where(inside[:, None], newton, _fill(outer, coefficients, radius, values[:, 0] < 0))


def cubic_step(values: Tensor, coefficients: Tensor, sigma: Tensor) -> Tensor:
    r"""Minimise g.s + s.H s / 2 + sigma \|s\|^3 / 3, globally, for a batch of quadratics.

    s = -(H + mu I)^{-1} g with mu = sigma \|s\| >= max(0, -lambda_1): Nesterov and Polyak, "Cubic
    regularization of Newton method", 2006; Cartis, Gould and Toint, "Adaptive cubic regularisation methods",
    2011, section 6.1.

    Args:
        values: Eigenvalues lambda of H [R, m], ascending.
        coefficients: g in the eigenvectors [R, m].
        sigma: [R], positive.

    Returns:
        s in the eigenvectors [R, m].

    >>> cubic_step(torch.tensor([[0.0]]), torch.tensor([[4.0]]), torch.tensor([1.0])).tolist()
    [[-2.0]]
    """
    floor = (-values[:, 0]).clamp_min(0)
    shifted = values + floor[:, None]
    # where one coefficient alone makes the step too long: |c_i| / (d_i + x) = (floor + x) / sigma
    pull = sigma[:, None] * coefficients.abs()
    root = torch.sqrt((shifted - floor[:, None]) ** 2 + 4 * pull)
    below = shifted + floor[:, None] + root
    low = 2 * (pull - shifted * floor[:, None]) / below.clamp_min(torch.finfo(values.dtype).tiny)
    high = torch.sqrt(sigma * coefficients.norm(dim=-1))

    def length(shift: Tensor) -> tuple[Tensor, Tensor]:
        return (floor + shift) / sigma, 1 / sigma

    every = torch.ones_like(floor, dtype=torch.bool)
    s = _solve(shifted, coefficients, low.amax(-1).clamp_min(0), high, length, every)
    return _fill(s, coefficients, floor / sigma, values[:, 0] < 0)


def model_decrease(values: Tensor, coefficients: Tensor, s: Tensor) -> Tensor:
    r"""-(c.s + s.\Lambda s / 2) [R]: how far the quadratic falls at s, all in the eigenvectors [R, m].

    >>> one = torch.ones(1, 1)
    >>> model_decrease(one, one, -one).tolist()
    [0.5]
    """
    fall: Tensor = -(s * (coefficients + 0.5 * values * s)).sum(-1)
    return fall


def _solve(
    shifted: Tensor,
    coefficients: Tensor,
    low: Tensor,
    high: Tensor,
    length: Callable[[Tensor], tuple[Tensor, Tensor]],
    wanted: Tensor,
) -> Tensor:
    """The step s = -c / (d + x), with x >= 0 where |s(x)| equals a length that rises with x or stays."""
    eps = torch.finfo(shifted.dtype).eps
    tiny = torch.finfo(shifted.dtype).tiny
    high = torch.maximum(high, low)
    x = low.clone()
    for _ in range(_ROUNDS):
        below = shifted + x[:, None]
        s = torch.where(below > 0, -coefficients / below.clamp_min(tiny), 0.0)
        norm = s.norm(dim=-1)
        target, slope = length(x)
        long = norm > target
        low, high = torch.where(long, x, low), torch.where(long, high, x)
        # Newton on 1 / |s| - 1 / length, whose zero is that of |s| - length
        bend = torch.where(below > 0, s * s / below.clamp_min(tiny), 0.0).sum(-1) / norm**3
        change = (1 / norm - 1 / target) / (bend + slope / target**2)
        step = x - change
        # rounding leaves the bracket no better end than x
        done = ((norm - target).abs() <= 32 * eps * target) | (change.abs() <= 4 * eps * x) | ~wanted
        if bool((done | (high - low <= 4 * eps * high)).all()):
            break
        within = torch.isfinite(step) & (step > low) & (step < high)
        # the bracket may span many powers of ten: halve its exponent where it has one
        middle = torch.where(low > 0, torch.sqrt(low) * torch.sqrt(high), 0.5 * high)
        x = torch.where(done, x, torch.where(within, step, middle))
    return s


def _fill(s: Tensor, coefficients: Tensor, length: Tensor, bent: Tensor) -> Tensor:
    """In the hard case, lengthen a step [R, m] along the lowest eigenvector, downhill."""
    missing = length**2 - (s * s).sum(-1)
    short = bent & (missing > 1e-6 * length**2)
    if not bool(short.any()):
        return s
    first = s[:, 0]
    reach = torch.sqrt((first * first + missing).clamp_min(0))
    signed = torch.where(coefficients[:, 0] > 0, -reach, torch.where(first > 0, reach, -reach))
    filled = s.clone()
    filled[:, 0] = torch.where(short, signed, first)
    return filled
