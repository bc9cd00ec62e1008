"""How far to go along a direction: the strong Wolfe conditions, for a batch of points at once."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from fivefold.optimize.methods.move import Move

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Value [B] and gradient [B, P] at points [B, P]."""

_EXPAND, _MARGIN, _FAR = 4.0, 0.1, 1e10


def search_wolfe(
    evaluate: Evaluate,
    w: Tensor,
    value: Tensor,
    gradient: Tensor,
    direction: Tensor,
    first: Tensor,
    *,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    rounds: int = 40,
) -> Move:
    r"""Find a step that satisfies the strong Wolfe conditions along a descent direction.

    phi(t) = F(w + t p); phi(t) <= phi(0) + c1 t phi'(0) and |phi'(t)| <= c2 |phi'(0)|. The step is expanded
    until an interval is bracketed, which then shrinks by safeguarded cubic interpolation (Nocedal and Wright,
    "Numerical Optimization", 2006, algorithms 3.5 and 3.6). A point where F or its gradient is not finite
    ends the interval on its side, so that a domain's border (a log barrier) is never crossed.

    Where the values differ by no more than rounding, the first condition is replaced by phi'(t) <= (2 c1 - 1)
    phi'(0), which says the same of a quadratic but survives cancellation (Hager and Zhang, 2005, section 2).

    The search is batched: each point carries its own interval, and a round evaluates, in one call, the points
    that are not done. Objectives evaluate a batch as matrix products, which a loop over the points would
    give up.

    Args:
        evaluate: The function and gradient at a batch of points.
        w: Points [B, P].
        value: F there [B], finite.
        gradient: Its gradient there [B, P].
        direction: p [B, P], with gradient . p < 0; points where that fails get step 0.
        first: First trial step [B], positive.
        decrease: c1 in (0, 1/2).
        curvature: c2 in (c1, 1).
        rounds: Most evaluations.

    Returns:
        The search's end per point.

    >>> F = lambda w: ((w**2).sum(-1), 2 * w)
    >>> w = torch.tensor([[3.0, 4.0]])
    >>> end = search_wolfe(F, w, *F(w), direction=-w, first=torch.ones(1))
    >>> end.step.tolist(), end.value.tolist(), end.found.tolist()
    ([1.0], [0.0], [True])
    """
    if w.shape[0] == 1:
        accepted, evaluate = _first_trial(
            evaluate, w, value, gradient, direction, first, decrease=decrease, curvature=curvature
        )
        if accepted is not None:
            return accepted
    slope = (gradient * direction).sum(-1)
    searching = torch.isfinite(slope) & (slope < 0)
    rounding = 64 * torch.finfo(value.dtype).eps
    slack = rounding * value.abs()
    far = _FAR * (1 + w.norm(dim=-1)) / direction.norm(dim=-1).clamp_min(torch.finfo(value.dtype).tiny)
    zero = torch.zeros_like(value)
    # the interval: its better end `low`, the other end `high`, infinite while nothing is bracketed
    low, low_value, low_slope = zero.clone(), value.clone(), slope.clone()
    high, high_value, high_slope = zero + torch.inf, zero + torch.nan, zero + torch.nan
    best_w, best_gradient, found = w.clone(), gradient.clone(), torch.zeros_like(searching)
    unbounded, trial, count = torch.zeros_like(searching), first.clone(), 0
    while count < rounds and bool(searching.any()):
        rows = searching.nonzero()[:, 0]
        points = w[rows] + trial[rows, None] * direction[rows]
        new_value, new_gradient = evaluate(points)
        count += 1
        new_slope = (new_gradient * direction[rows]).sum(-1)
        t, v0, s0, noise = trial[rows], value[rows], slope[rows], slack[rows]
        best, best_slope, other = low_value[rows], low_slope[rows], high[rows]
        finite = torch.isfinite(new_value) & torch.isfinite(new_slope)
        fallen = new_value == -torch.inf
        armijo = finite & (new_value <= v0 + decrease * t * s0)
        level = finite & ((new_value - v0).abs() <= noise)
        flat = new_slope.abs() <= -curvature * s0
        accept = flat & (armijo | (level & (new_slope <= (2 * decrease - 1) * s0)))
        if count == 1 and rows.shape[0] == value.shape[0] and bool(accept.all()):
            # the usual end, near a minimum: the bookkeeping below would cost as much as a small objective
            never = torch.zeros_like(accept)
            return Move(trial, points, new_value, new_gradient, accept, never, count)
        # where values cannot tell, the sign of the slope does
        toward = new_slope * (other - low[rows]) < 0
        near = (new_value - best).abs() <= torch.maximum(noise, rounding * best.abs())
        better = ~accept & ((armijo & (new_value < best)) | ((armijo | level) & near & toward))
        worse = ~accept & ~better & ~fallen
        far_off = better & toward & torch.isinf(other) & (t >= far[rows])
        # the better end moves to the trial; the interval turns round where the slope points back
        turn = better & ~toward
        _put(high, rows, turn, low[rows])
        _put(high_value, rows, turn, best)
        _put(high_slope, rows, turn, best_slope)
        _put(high, rows, worse, t)
        _put(high_value, rows, worse, torch.where(finite, new_value, torch.nan))
        _put(high_slope, rows, worse, torch.where(finite, new_slope, torch.nan))
        moved = accept | better
        _put(low, rows, moved, t)
        _put(low_value, rows, moved, new_value)
        _put(low_slope, rows, moved, new_slope)
        best_w[rows] = torch.where(moved[:, None], points, best_w[rows])
        best_gradient[rows] = torch.where(moved[:, None], new_gradient, best_gradient[rows])
        found[rows], unbounded[rows] = accept, fallen | far_off
        trial = _next_trial(low, low_value, low_slope, high, high_value, high_slope)
        # an interval that rounding has closed holds no further point
        closed = torch.isfinite(high) & ((high - low).abs() <= 4 * torch.finfo(value.dtype).eps * low)
        searching &= ~(found | unbounded | closed)
    # without the second condition, only a value that is truly lower counts
    keep = found | (low_value < value)
    return Move(
        step=torch.where(keep, low, zero),
        w=torch.where(keep[:, None], best_w, w),
        value=torch.where(keep, low_value, value),
        gradient=torch.where(keep[:, None], best_gradient, gradient),
        found=found,
        unbounded=unbounded,
        evaluations=count,
    )


def _first_trial(
    evaluate: Evaluate,
    w: Tensor,
    value: Tensor,
    gradient: Tensor,
    direction: Tensor,
    first: Tensor,
    *,
    decrease: float,
    curvature: float,
) -> tuple[Move | None, Evaluate]:
    """Try the first step of a single point in plain numbers: near a minimum it is nearly always taken.

    The bookkeeping of a batch takes longer than a small objective. Where the trial is not taken, it is not
    lost: the evaluation that is returned gives it back at the first call.
    """
    slope = float((gradient * direction).sum())
    if not (math.isfinite(slope) and slope < 0):
        return None, evaluate
    t = float(first)
    points = torch.add(w, direction, alpha=t)
    new_value, new_gradient = evaluate(points)
    before, after = float(value), float(new_value)
    new_slope = float((new_gradient * direction).sum())
    level = abs(after - before) <= 64 * torch.finfo(value.dtype).eps * abs(before)
    lower = after <= before + decrease * t * slope
    flat = abs(new_slope) <= -curvature * slope  # false where it is not finite
    if math.isfinite(after) and flat and (lower or (level and new_slope <= (2 * decrease - 1) * slope)):
        yes = torch.ones_like(first, dtype=torch.bool)
        return Move(first, points, new_value, new_gradient, yes, ~yes, 1), evaluate
    kept = [(new_value, new_gradient)]
    return None, lambda trial: kept.pop() if kept else evaluate(trial)


def _put(target: Tensor, rows: Tensor, mask: Tensor, source: Tensor) -> None:
    """Write ``source`` into those of ``rows`` where ``mask`` holds."""
    target[rows[mask]] = source[mask]


def _next_trial(
    low: Tensor, low_value: Tensor, low_slope: Tensor, high: Tensor, high_value: Tensor, high_slope: Tensor
) -> Tensor:
    """Next step per point: expansion, the cubic's minimiser in the interval's inner part, or bisection."""
    width = high - low
    first = low_slope + high_slope - 3 * (high_value - low_value) / width
    square = first * first - low_slope * high_slope
    root = torch.sqrt(square.clamp_min(0)) * torch.sign(width)
    cubic = high - width * (high_slope + root - first) / (high_slope - low_slope + 2 * root)
    share = (cubic - low) / width
    usable = torch.isfinite(share) & (square >= 0)
    share = torch.where(usable, share.clamp(_MARGIN, 1 - _MARGIN), 0.5)
    # a trial beyond a border says nothing of where the minimum is: halve the way to it
    inside = low + share * torch.where(torch.isfinite(width), width, 0.0)
    return torch.where(torch.isinf(high), _EXPAND * low, inside)
