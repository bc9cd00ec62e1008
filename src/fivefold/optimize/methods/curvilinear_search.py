"""How far to follow a direction of negative curvature: a search along a curve."""

import torch
from torch import Tensor

from fivefold.optimize.methods.line_search import Evaluate
from fivefold.optimize.methods.move import Move

_FAR = 1e10


def search_curve(
    evaluate: Evaluate,
    w: Tensor,
    value: Tensor,
    gradient: Tensor,
    descent: Tensor,
    bend: Tensor,
    curvature: Tensor,
    *,
    decrease: float = 0.1,
    rounds: int = 60,
) -> Move:
    r"""Search w + t^2 s + t d, with g.s <= 0, g.d <= 0 and d.H d < 0, for a batch of points.

    t = 1 is halved until F falls by at least c t^2 (-g.s - d.H d / 2), and where it does at once, doubled as
    long as F goes on to fall so: what a negative curvature promises has no natural length. Moré and Sorensen,
    "On the use of directions of negative curvature in a modified Newton method", 1979.

    Args:
        evaluate: The function and gradient at a batch of points.
        w: Points [B, P].
        value: F there [B], finite.
        gradient: Its gradient there [B, P].
        descent: s [B, P]; zeros where there is none.
        bend: d [B, P].
        curvature: d.H d [B], negative.
        decrease: c in (0, 1/2).
        rounds: Most evaluations.

    Returns:
        The search's end per point.

    >>> F = lambda w: (w[:, 0] ** 4 / 4 - w[:, 0] ** 2 / 2, w**3 - w)
    >>> w = torch.zeros(1, 1)
    >>> one = torch.ones(1, 1)
    >>> search_curve(F, w, *F(w), descent=0 * one, bend=one, curvature=-one[0]).w.tolist()
    [[1.0]]
    """
    promise = -(gradient * descent).sum(-1) - 0.5 * curvature
    t, best = torch.ones_like(value), torch.zeros_like(value)
    best_w, best_value, best_gradient = w.clone(), value.clone(), gradient.clone()
    going, unbounded = torch.isfinite(promise) & (promise > 0), torch.zeros_like(value, dtype=torch.bool)
    far = _FAR * (1 + w.norm(dim=-1))
    eps, count = torch.finfo(value.dtype).eps, 0
    while count < rounds and bool(going.any()):
        rows = going.nonzero()[:, 0]
        s = t[rows, None]
        move = s * s * descent[rows] + s * bend[rows]
        trial = w[rows] + move
        here, slope = evaluate(trial)
        count += 1
        fallen = here == -torch.inf
        finite = torch.isfinite(here) & torch.isfinite(slope).all(-1)
        good = finite & (here <= value[rows] - decrease * t[rows] ** 2 * promise[rows])
        good &= here < best_value[rows]
        kept = rows[good]
        best[kept], best_w[kept], best_value[kept], best_gradient[kept] = (
            t[kept],
            trial[good],
            here[good],
            slope[good],
        )
        reach = move.norm(dim=-1)
        unbounded[rows] = fallen | (good & (reach >= far[rows]))
        # up while it pays, down until it does; a way back up or down after a success ends the search
        shrinking = ~good & (best[rows] == 0) & (reach > eps * w[rows].norm(dim=-1))
        growing = good & (t[rows] >= 1)
        t[rows] = torch.where(growing, 2 * t[rows], 0.5 * t[rows])
        going[rows] = (shrinking | growing) & ~unbounded[rows]
    return Move(best, best_w, best_value, best_gradient, best > 0, unbounded, count)
