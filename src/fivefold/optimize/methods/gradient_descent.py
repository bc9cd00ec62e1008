"""Gradient steps: plain, with heavy-ball momentum, and in Nesterov's form with adaptive restart."""

from typing import Literal

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.objective import Objective
from fivefold.optimize.methods.move import Move, merge_moves

_ROUNDS, _FAR, _PLAIN = 80, 1e10, 0.5
_EASE, _LEAST, _MOST, _RISE = 0.1, 1e-3, 0.3, 1.03
"""By what share L falls after a step with momentum: at first, at least, at most, and how that share grows."""

Form = Literal["plain", "heavy-ball", "nesterov"]


class GradientDescent:
    r"""Steps of length 1 / L along the negative gradient, where L is found by backtracking.

    ============ =====================================================================
    plain        w' = w - g(w) / L
    heavy-ball   w' = w - g(w) / L + beta (w - w_old), Polyak, 1964
    nesterov     w' = y - g(y) / L,  y = w + (theta - 1) / theta' (w - w_old), Nesterov, 1983
    ============ =====================================================================

    with theta' = (1 + sqrt(1 + 4 theta^2 L' / L)) / 2. L is doubled until F(w') <= F(y) + g.s + L \|s\|^2 / 2
    for the step s = w' - y; where rounding hides the values, until s.(g(w') - g(y)) <= L \|s\|^2 (Becker,
    Candès and Grant, "Templates for convex cone problems", 2011, section 5.3). So no step is taken on trust:
    with a too long one F rises, and it is refused. L falls again after each step, by half where there is no
    momentum, else by a share that shrinks whenever L turned out too small: directions of strong curvature
    that have settled would swing.

    Momentum that would raise F, or whose step goes uphill, is dropped, and the plain step is made (O'Donoghue
    and Candès, "Adaptive restart for accelerated gradient schemes", 2015). F therefore never rises.

    Args:
        objective: F.
        form: Which of the three.
        momentum: beta of the heavy ball, in [0, 1).

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(2))
    >>> w = torch.full((1, 2), 3.0)
    >>> GradientDescent(F, "plain").move(w, *F.value_and_gradient(w), torch.tensor([0])).value < 18
    tensor([True])
    """

    def __init__(self, objective: Objective, form: Form, *, momentum: float = 0.9) -> None:
        require(0 <= momentum < 1, "a momentum in [0, 1)", momentum)
        self._objective, self._form, self._momentum = objective, form, momentum
        self._L = torch.zeros(0)

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """Step with momentum, and without where that does not lower F."""
        if self._L.shape[0] != w.shape[0]:
            self._begin(w)
        w, value, gradient = w[rows], value[rows], gradient[rows]
        new = torch.isnan(self._L[rows])
        drift = torch.where(new[:, None], 0.0, w - self._old[rows])
        steepness = gradient.norm(dim=-1)
        # with nothing known, a first step of length 1 at most, or of a tenth of w
        reach = torch.minimum(torch.ones_like(value), steepness).clamp_min(1e-3 * w.norm(dim=-1))
        L = torch.where(new, steepness / reach.clamp_min(torch.finfo(w.dtype).tiny), self._L[rows])
        share = self._ease[rows] if self._form != "plain" else _PLAIN
        shrunk = torch.where(new, L, L * (1 - share))
        tried = shrunk.clone()
        moving = (drift != 0).any(-1)
        best = Move(torch.zeros_like(value), w, value, gradient, new & False, new & False, 0)
        if self._form != "plain" and bool(moving.any()):
            best, shrunk = self._with_momentum(best, drift, L, shrunk, moving, rows)
        plain = (best.step == 0).nonzero()[:, 0]
        if plain.shape[0] > 0:
            self._theta[rows[plain]] = 1.0
            at = w[plain], value[plain], gradient[plain]
            end, L_plain = self._backtrack(*at, torch.zeros_like(w[plain]), shrunk[plain])
            shrunk[plain] = L_plain
            best = merge_moves(best, end, plain)
        # an L that was too small makes what was settled swing again: fall more slowly from then on
        ease = self._ease[rows]
        easier = (0.25 * ease).clamp_min(_LEAST)
        self._ease[rows] = torch.where(shrunk > 1.5 * tried, easier, (_RISE * ease).clamp_max(_MOST))
        self._L[rows], self._old[rows] = shrunk, w
        far = best.w.norm(dim=-1) >= _FAR * (1 + self._origin[rows])
        falling = (best.step > 0) & (best.gradient.norm(dim=-1) > 0)
        unbounded = (far & falling) | (best.value == -torch.inf)
        return Move(best.step, best.w, best.value, best.gradient, best.found, unbounded, best.evaluations)

    def _with_momentum(
        self, start: Move, drift: Tensor, L: Tensor, shrunk: Tensor, moving: Tensor, rows: Tensor
    ) -> tuple[Move, Tensor]:
        """One step with momentum at the points that are moving; refused where it does not lower F."""
        at = moving.nonzero()[:, 0]
        w, value, gradient = start.w[at], start.value[at], start.gradient[at]
        if self._form == "heavy-ball":
            end, new_L = self._backtrack(w, value, gradient, self._momentum * drift[at], shrunk[at])
            uphill = torch.zeros_like(end.found)
        else:
            theta = self._theta[rows[at]]
            following = 0.5 * (1 + torch.sqrt(1 + 4 * theta**2 * shrunk[at] / L[at]))
            y = w + ((theta - 1) / following)[:, None] * drift[at]
            y_value, y_gradient = self._objective.value_and_gradient(y)
            end, new_L = self._backtrack(y, y_value, y_gradient, torch.zeros_like(y), shrunk[at])
            end = Move(
                end.step, end.w, end.value, end.gradient, end.found, end.unbounded, end.evaluations + 1
            )
            uphill = (y_gradient * (end.w - w)).sum(-1) > 0
            self._theta[rows[at]] = torch.where(uphill, 1.0, following)
        noise = 8 * torch.finfo(value.dtype).eps * value.abs()
        lower = (end.value < value) | ((end.value <= value + noise) & ~uphill & (self._form == "nesterov"))
        taken = end.found & lower
        shrunk = shrunk.clone()
        shrunk[at] = torch.where(torch.isfinite(new_L), new_L, shrunk[at])
        nothing = torch.zeros_like(end.step)
        kept = Move(
            torch.where(taken, end.step, nothing),
            torch.where(taken[:, None], end.w, w),
            torch.where(taken, end.value, value),
            torch.where(taken[:, None], end.gradient, gradient),
            taken,
            end.unbounded & False,
            end.evaluations,
        )
        return merge_moves(start, kept, at), shrunk

    def _backtrack(
        self, y: Tensor, value: Tensor, gradient: Tensor, push: Tensor, L: Tensor
    ) -> tuple[Move, Tensor]:
        """Y - g / L + push, with L doubled until the quadratic with that L lies above F at the step."""
        eps = torch.finfo(value.dtype).eps
        L, step = L.clone(), torch.zeros_like(value)
        w_new, value_new, gradient_new = y.clone(), value.clone(), gradient.clone()
        open_ = torch.isfinite(value) & torch.isfinite(gradient).all(-1) & (gradient != 0).any(-1)
        count = 0
        while count < _ROUNDS and bool(open_.any()):
            at = open_.nonzero()[:, 0]
            s = push[at] - gradient[at] / L[at, None]
            trial = y[at] + s
            here, slope = self._objective.value_and_gradient(trial)
            count += 1
            square = (s * s).sum(-1)
            finite = (torch.isfinite(here) & torch.isfinite(slope).all(-1)) | (here == -torch.inf)
            above = here - value[at] - (gradient[at] * s).sum(-1)
            hidden = (here - value[at]).abs() <= 64 * eps * value[at].abs()
            bend = torch.where(hidden, 0.5 * ((slope - gradient[at]) * s).sum(-1), above)
            good = finite & (bend <= 0.5 * L[at] * square) & (square > 0)
            done = at[good]
            w_new[done], value_new[done], gradient_new[done] = trial[good], here[good], slope[good]
            step[done] = 1 / L[done]
            # a bend that was measured says at once how large L has to be
            wanted = torch.where(
                finite & ~hidden, 2 * above / square.clamp_min(torch.finfo(L.dtype).tiny), L[at]
            )
            L[at[~good]] = torch.maximum(2 * L[at], torch.minimum(wanted, 1e3 * L[at]))[~good]
            gone = square.sqrt() <= eps * y[at].norm(dim=-1)
            open_[done] = False
            open_[at[gone]] = False
        never = torch.zeros_like(open_)
        return Move(step, w_new, value_new, gradient_new, step > 0, never, count), L

    def _begin(self, w: Tensor) -> None:
        self._L = torch.full_like(w[:, 0], torch.nan)
        self._theta, self._ease = torch.ones_like(self._L), torch.full_like(self._L, _EASE)
        self._old = w.clone()
        self._origin = w.norm(dim=-1)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: momentum is the last move, kept where it was made."""

    def reset(self, rows: Tensor) -> None:
        """Forget the curvature of those rows, and with it the momentum."""
        if self._L.shape[0] > 0:
            self._L[rows] = torch.nan
            self._theta[rows], self._ease[rows] = 1.0, _EASE
            self._old[rows] = torch.nan
