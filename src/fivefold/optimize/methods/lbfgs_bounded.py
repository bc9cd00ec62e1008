"""L-BFGS within bounds: quasi-Newton on the coordinates that are free, along the projected path."""

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.bounds import Box
from fivefold.optimize.methods.move import Move

_DECREASE, _CURVATURE, _EXPAND, _ROUNDS, _FAR = 1e-4, 0.9, 4.0, 40, 1e10


class BoundedQuasiNewton:
    r"""Two-metric projection with L-BFGS over a batch of points.

    .. math:: w(t) = \operatorname{project}(w + t p), \qquad p_A = 0, \quad p_F = -H_{FF}\, g_F

    A holds the coordinates on, or within a small margin of, a bound that the negative gradient points to;
    they go onto it. F holds the others. H is built from the last pairs (s, y) restricted to F, so that
    it models the curvature of the face and not what the bounds take away; a restricted pair without positive
    curvature is passed over. t satisfies Armijo's test on the path, F(w(t)) <= F(w) + c1 g.(w(t) - w), and
    is lengthened while the slope of the path is still steep. Bertsekas, "Projected Newton methods for
    optimization problems with simple constraints", 1982; Schmidt, Kim and Sra, "Projected Newton-type methods
    in machine learning", 2011, section 3.

    No point outside the bounds is ever evaluated.

    Args:
        objective: F.
        box: The bounds.
        size: Pairs kept.
    """

    def __init__(self, objective: Objective, box: Box, size: int = 10) -> None:
        self._objective, self._box, self._size = objective, box, size
        self._pairs: list[tuple[Tensor, Tensor]] = []

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Search along the projected path; where that finds nothing lower, along the gradient's."""
        p, first = self._direction(w, gradient, rows)
        w, value, gradient = w[rows], value[rows], gradient[rows]
        end = search_projected(self._objective, self._box, w, value, gradient, p, first)
        again = ((end.step == 0) & ~end.unbounded).nonzero()[:, 0]
        if again.numel() == 0 or not self._pairs:
            return end
        self.reset(rows[again])
        g = gradient[again]
        cautious = 1 / g.norm(dim=-1).clamp_min(1.0)
        second = search_projected(self._objective, self._box, w[again], value[again], g, -g, cautious)
        for name in ("step", "w", "value", "gradient", "found", "unbounded"):
            getattr(end, name)[again] = getattr(second, name)
        return Move(
            end.step, end.w, end.value, end.gradient, end.found, end.unbounded,
            end.evaluations + second.evaluations,
        )  # fmt: skip

    def _direction(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Directions [R, P] and first steps [R]."""
        box, at, g = self._box, w[rows], gradient[rows]
        # near a bound counts as on it where the gradient's own step reaches it, by less the nearer the point
        # is to stationary, so that identified coordinates stay identified: Bertsekas 1982, section 3
        margin = box.distance(at, g).clamp_max(1e-10)[:, None]
        near = (at - box.low <= torch.minimum(margin, g)) & (g > 0)
        near |= (box.high - at <= torch.minimum(margin, -g)) & (g < 0)
        free = ~near & (box.low < box.high)
        masked = torch.where(free, g, 0.0)
        p, known = self._quasi_newton(masked, free, rows)
        slope = (masked * p).sum(-1)
        good = torch.isfinite(p).all(-1) & (slope < -1e-12 * masked.norm(dim=-1) * p.norm(dim=-1))
        p = torch.where(good[:, None], p, -masked)
        p = torch.where(near, -g, p)
        whole = known & good
        cautious = 1 / p.norm(dim=-1).clamp_min(1.0)
        return p, torch.where(whole, torch.ones_like(cautious), cautious)

    def _quasi_newton(self, q: Tensor, free: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The two-loop recursion on pairs restricted to the free coordinates, and whether there was any."""
        kept = []
        scale, known = torch.ones_like(q[:, 0]), torch.zeros_like(q[:, 0], dtype=torch.bool)
        for s, y in self._pairs:
            s_free, y_free = torch.where(free, s[rows], 0.0), torch.where(free, y[rows], 0.0)
            product = (s_free * y_free).sum(-1)
            good = product > 1e-10 * s_free.norm(dim=-1) * y_free.norm(dim=-1)
            weight = torch.where(good, 1 / torch.where(good, product, 1.0), 0.0)
            scale = torch.where(good, product / (y_free * y_free).sum(-1), scale)
            known |= good
            kept.append((s_free, y_free, weight))
        shares = []
        for s, y, weight in reversed(kept):
            share = weight * (s * q).sum(-1)
            shares.append(share)
            q = q - share[:, None] * y
        q = scale[:, None] * q
        for (s, y, weight), share in zip(kept, reversed(shares), strict=True):
            q = q + s * (share - weight * (y * q).sum(-1))[:, None]
        return -q, known

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Keep the pairs; which coordinates of them count is known only when they are used."""
        self._pairs = [*self._pairs, (s, y)][-self._size :]

    def reset(self, rows: Tensor) -> None:
        """Drop the pairs of those rows."""
        for s, y in self._pairs:
            s[rows], y[rows] = 0.0, 0.0


def search_projected(
    objective: Objective, box: Box, w: Tensor, value: Tensor, gradient: Tensor, p: Tensor, first: Tensor
) -> Move:
    r"""Find a step along the path project(w + t p) that lowers F enough, and is not needlessly short.

    F(w(t)) <= F(w) + c1 g.(w(t) - w) shortens the step where it fails; where it holds, and the slope of F
    along the part of the path that is not yet on a bound is below c2 times the first one, the step is
    lengthened. Where values differ by no more than rounding, a smaller distance from stationarity counts.

    Args:
        objective: F.
        box: The bounds.
        w: Points in the box [R, P], with F [R] and its gradient [R, P] there.
        value: F.
        gradient: Its gradient.
        p: Directions [R, P].
        first: First trial steps [R].

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.tensor([2.0]))
    >>> w, box = torch.tensor([[2.0]]), Box(torch.tensor([1.0]), torch.tensor([3.0]))
    >>> start = (w, *F.value_and_gradient(w))
    >>> search_projected(F, box, *start, torch.tensor([[-4.0]]), torch.ones(1)).w.tolist()
    [[1.0]]
    """
    zero = torch.zeros_like(value)
    low, high, t = zero.clone(), zero + torch.inf, first.clone()
    best_w, best_value, best_gradient = w.clone(), value.clone(), gradient.clone()
    found, unbounded = torch.zeros_like(value, dtype=torch.bool), torch.zeros_like(value, dtype=torch.bool)
    start = (torch.where(box.held(w, gradient), 0.0, gradient) * p).sum(-1)
    rounding = 64 * torch.finfo(value.dtype).eps
    distance = box.distance(w, gradient)
    searching = torch.isfinite(p).all(-1)
    far = _FAR * (1 + w.norm(dim=-1)) / p.norm(dim=-1).clamp_min(torch.finfo(value.dtype).tiny)
    count = 0
    while count < _ROUNDS and bool(searching.any()):
        rows = searching.nonzero()[:, 0]
        points = box.project(w[rows] + t[rows, None] * p[rows])
        new, slopes = objective.value_and_gradient(points)
        count += 1
        finite = torch.isfinite(new) & torch.isfinite(slopes).all(-1)
        change = points - w[rows]
        promised = (gradient[rows] * change).sum(-1)
        enough = finite & (promised < 0) & (new <= value[rows] + _DECREASE * promised)
        level = finite & ((new - value[rows]).abs() <= rounding * value[rows].abs())
        enough |= level & (box.distance(points, slopes) < distance[rows])
        inside = (points > box.low) & (points < box.high)
        along = (torch.where(inside, slopes, 0.0) * p[rows]).sum(-1)
        steep = enough & (along < _CURVATURE * start[rows]) & (new < best_value[rows])
        accept = enough & ~steep
        # a longer step that is worse than the last good one ends the search there
        fallen = new == -torch.inf
        unbounded[rows] = fallen | (steep & torch.isinf(high[rows]) & (t[rows] >= far[rows]))
        take = enough & (new <= best_value[rows] + rounding * value[rows].abs())
        at = rows[take]
        best_w[at], best_value[at], best_gradient[at] = points[take], new[take], slopes[take]
        low[at] = t[rows][take]
        high[rows] = torch.where(enough, high[rows], t[rows])
        found[rows] = accept
        # a path that bounds have ended, or rounding, holds no further point
        still = (change == 0).all(-1) | (high[rows] - low[rows] <= 1e-12 * low[rows])
        searching[rows] = ~(accept | unbounded[rows] | still)
        quadratic = -0.5 * promised * t[rows] / (new - value[rows] - promised)
        share = torch.where(torch.isfinite(quadratic), quadratic / t[rows], 0.5).clamp(0.1, 0.5)
        shorter = torch.where(low[rows] > 0, 0.5 * (low[rows] + high[rows]), share * t[rows])
        t[rows] = torch.where(torch.isinf(high[rows]), _EXPAND * t[rows], shorter)
    return Move(low, best_w, best_value, best_gradient, found, unbounded, count)
