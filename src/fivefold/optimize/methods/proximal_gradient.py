"""Accelerated proximal gradient for F + l1: one batch of evaluations a step, no second derivatives."""

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.methods.l1_penalty import L1Penalty
from fivefold.optimize.methods.move import Move

_TRIALS, _SHRINK = 60, 0.9


class ProximalGradient:
    r"""FISTA with backtracking and adaptive restart, over a batch of points.

    .. math:: z = \operatorname{prox}_{\lambda / L}(y - \nabla F(y) / L), \qquad
              y^+ = z + \tfrac{\theta - 1}{\theta^+} (z - w), \quad
              \theta^+ = \tfrac12 (1 + \sqrt{1 + 4 \theta^2})

    L is doubled until F(z) is at most its quadratic model at y, and tried a tenth smaller in the next step.
    Where the momentum points uphill, (y - z).(z - w) > 0, it starts anew; where the sum has risen, the step
    is taken from w without momentum, which lowers it. Beck and Teboulle, "A fast iterative
    shrinkage-thresholding algorithm", 2009; O'Donoghue and Candès, "Adaptive restart for accelerated
    gradient schemes", 2015.

    F at z and at the next y is one batch of evaluations, so that a step costs little more than one of
    gradient descent. With lambda = 0 it is Nesterov's accelerated gradient method.

    Args:
        smooth: F.
        penalty: The l1 penalty.
    """

    def __init__(self, smooth: Objective, penalty: L1Penalty) -> None:
        self._smooth, self._penalty = smooth, penalty
        self._L: Tensor | None = None
        self._theta = self._y = self._slope = self._level = torch.empty(0)

    def _begin(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> int:
        """Set y = w at the first step, and L to the curvature measured along the gradient."""
        if self._L is not None:
            return 0
        norm = gradient.norm(dim=-1).clamp_min(torch.finfo(w.dtype).tiny)
        reach = torch.finfo(w.dtype).eps ** (1 / 3) * (1 + w.norm(dim=-1)) / norm
        probe = self._smooth.value_and_gradient(w - reach[:, None] * gradient)[1]
        L = (probe - gradient).norm(dim=-1) / (reach * norm)
        self._L = torch.where(torch.isfinite(L) & (L > 0), L, norm)
        self._restart(w, value, gradient, torch.ones_like(value, dtype=torch.bool))
        return 1

    def _restart(self, w: Tensor, value: Tensor, gradient: Tensor, where: Tensor) -> None:
        """Take y = w there, without momentum."""
        level = value - self._penalty.value(w)
        if self._y.numel() == 0:
            self._theta, self._y = torch.ones_like(value), w.clone()
            self._slope, self._level = gradient.clone(), level
            return
        self._theta[where], self._y[where] = 1.0, w[where]
        self._slope[where], self._level[where] = gradient[where], level[where]

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """One accelerated step of every row."""
        count = self._begin(w, value, gradient, rows)
        assert self._L is not None
        penalty, L = self._penalty, self._L
        new_w, new_value, new_gradient = w.clone(), value.clone(), gradient.clone()
        step, unbounded = torch.zeros_like(value), torch.zeros_like(value, dtype=torch.bool)
        eps = 64 * torch.finfo(w.dtype).eps
        todo = rows
        for _ in range(_TRIALS):
            if todo.numel() == 0:
                break
            y, slope, level, old = self._y[todo], self._slope[todo], self._level[todo], w[todo]
            length = (1 / L[todo])[:, None]
            z = penalty.prox(y - length * slope, length)
            theta = 0.5 * (1 + torch.sqrt(1 + 4 * self._theta[todo].square()))
            ahead = z + ((self._theta[todo] - 1) / theta)[:, None] * (z - old)
            values, slopes = self._smooth.value_and_gradient(torch.stack([z, ahead]))
            count += 1
            d = z - y
            fits = values[0] <= level + (slope * d).sum(-1) + 0.5 * L[todo] * d.square().sum(-1)
            # where values cannot tell, the gradients do
            near = (values[0] - level).abs() <= eps * level.abs()
            fits |= near & (((slopes[0] - slope) * d).sum(-1) <= L[todo] * d.square().sum(-1))
            fits &= torch.isfinite(values[0]) & torch.isfinite(slopes[0]).all(-1)
            total = values[0] + penalty.value(z)
            plain = self._theta[todo] == 1
            rose = fits & ~plain & (total > value[todo] + eps * value[todo].abs())
            done = fits & ~rose
            fallen = values[0] == -torch.inf
            at = todo[done]
            new_w[at], new_value[at], new_gradient[at] = z[done], total[done], slopes[0][done]
            step[at] = length[done, 0]
            unbounded[todo[fallen]] = True
            uphill = ((y - z) * (z - old)).sum(-1) > 0
            finite = torch.isfinite(values[1]) & torch.isfinite(slopes[1]).all(-1)
            on, off = done & ~uphill & finite, done & (uphill | ~finite)
            self._y[todo[on]], self._slope[todo[on]] = ahead[on], slopes[1][on]
            self._level[todo[on]], self._theta[todo[on]] = values[1][on], theta[on]
            L[todo[done]] *= _SHRINK
            L[todo[~fits]] *= 2
            self._restart(new_w, new_value, new_gradient, _mask(todo[off | rose], value))
            todo = todo[~done & ~fallen]
        self._restart(new_w, new_value, new_gradient, _mask(todo, value))
        return Move(
            step=step[rows],
            w=new_w[rows],
            value=new_value[rows],
            gradient=new_gradient[rows],
            found=step[rows] > 0,
            unbounded=unbounded[rows],
            evaluations=2 * count,
        )

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the momentum is kept where the step was made."""

    def reset(self, rows: Tensor) -> None:
        """Forget y, the momentum and L: the points were moved."""
        self._L = None
        self._y = torch.empty(0)


def _mask(rows: Tensor, like: Tensor) -> Tensor:
    mask = torch.zeros_like(like, dtype=torch.bool)
    mask[rows] = True
    return mask
