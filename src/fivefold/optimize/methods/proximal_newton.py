"""Newton's method for F + l1: each model is minimised exactly, and kept while it serves."""

import torch
from torch import Tensor

from fivefold.core import child_seed, torch_generator
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize.methods.l1_penalty import L1Penalty
from fivefold.optimize.methods.l1_quadratic import minimise_l1_quadratic
from fivefold.optimize.methods.lazy_hessian import SMALL, LazyHessian
from fivefold.optimize.methods.move import Move
from fivefold.optimize.methods.sampled_newton import ROWS_PER_COLUMN, suits
from fivefold.probability import Gaussian

_KEEP = 0.1
"""Share of the distance that a step may leave before the model is made again."""
_SLOW = 0.5
"""Share of the distance that a model of some rows may leave, when it was made there, before all are taken."""
_NEAR = 0.01
"""Share of the first distance from which all rows are taken: they then serve for several steps."""
_FIRST = 50
"""Coordinates that a first model has at most, where P is large; later ones, twice those not 0."""
_ROUGH = 0.05
"""Share of the distance that the first models' minimisers may leave; later ones leave less."""
_TRIALS = 40


class ProximalNewton:
    r"""z = argmin of the quadratic model of F at w plus the penalty; then w + t (z - w), t = 1, 1/2, ...

    Armijo's test: the sum falls by at least 1e-4 t times g.(z - w) + l1(z) - l1(w). Lee, Sun and Saunders,
    "Proximal Newton-type methods for minimizing composite functions", 2014.

    A Hessian costs as much as P / 2 gradients, so one is used for the next steps as long as each leaves at
    most a tenth of the distance to stationarity, and linear models with many rows begin with those of
    some rows, drawn once. Where P is large, a model has the coordinates that are not 0 and the worst of those
    that should not be, and only their columns of the Hessian are made: Friedman, Hastie and Tibshirani, 2010;
    Johnson and Guestrin, "Blitz", 2015. Where F is not convex, a negative eigenvalue counts by its size.

    Args:
        smooth: F.
        penalty: The l1 penalty.
    """

    def __init__(self, smooth: Objective, penalty: L1Penalty) -> None:
        self._smooth, self._penalty = smooth, penalty
        self._models: dict[int, LazyHessian] = {}
        self._whole: dict[int, bool] = {}
        self._sampled_out: set[int] = set()
        self._part: Objective = smooth
        self._quadratic = has_constant_hessian(smooth)
        self._first: dict[int, float] = {}
        if suits(smooth) and not self._quadratic:
            assert isinstance(smooth, DataObjective)
            order = torch.randperm(smooth.rows, generator=torch_generator(child_seed(0, "proximal newton")))
            self._part = smooth.on(order[: ROWS_PER_COLUMN * smooth.size].sort().values)

    def move(self, w: Tensor, value: Tensor, gradient: Tensor, rows: Tensor) -> Move:
        """One step for each row, one after the other: each has a model of its own."""
        ends = [self._one(row, w[row], value[row], gradient[row]) for row in rows.tolist()]
        step, point, new, slope, found, unbounded = (
            torch.stack([end[0][part] for end in ends]) for part in range(6)
        )
        return Move(step, point, new, slope, found, unbounded, max(count for _, count in ends))

    def _one(self, row: int, w: Tensor, value: Tensor, gradient: Tensor) -> tuple[tuple[Tensor, ...], int]:
        penalty, count = self._penalty, 0
        distance = float(penalty.distance(w, gradient))
        self._first.setdefault(row, max(distance, torch.finfo(w.dtype).tiny))
        rounding = 64 * torch.finfo(w.dtype).eps * float(value.abs())
        active = _working_set(w, gradient, penalty.weights)
        within = L1Penalty(penalty.weights[active])
        before = float(within.distance(w[active], gradient[active]))
        yes = torch.ones((), dtype=torch.bool, device=w.device)
        while True:
            fresh = row not in self._models
            if fresh:
                near = distance <= _NEAR * self._first[row]
                part = self._smooth if near or row in self._sampled_out else self._part
                self._models[row] = LazyHessian(part.hessian(w))
                self._whole[row] = part is self._smooth
            whole = self._whole[row]
            share = 1e-9 if self._quadratic else min(_ROUGH, (distance / self._first[row]) ** 0.5)
            block = self._models[row].block(active)
            z = w.clone()
            z[active] = minimise_l1_quadratic(block, gradient[active], w[active], within, share * distance)
            d = z - w
            promised = float(gradient @ d + penalty.value(z) - penalty.value(w))
            trials = _TRIALS if fresh and whole else 3
            # rounding may hide the fall that is promised: the whole step is tried all the same
            for power in range(trials if promised < 0 else 1):
                t = 0.5**power
                point = z if power == 0 else w + t * d
                new, slope = self._smooth.value_and_gradient(point)
                new = new + penalty.value(point)
                count += 1
                left = float(penalty.distance(point, slope))
                lower = float(new) <= float(value) + 1e-4 * t * min(promised, 0.0)
                level = abs(float(new) - float(value)) <= rounding and left < distance
                if left < float("inf") and (lower or level):
                    rest = float(within.distance(point[active], slope[active]))
                    if power or not rest <= _KEEP * before:
                        del self._models[row]
                    if fresh and not whole and not rest <= _SLOW * before:
                        self._sampled_out.add(row)
                    return (w.new_tensor(t), point, new, slope, yes, ~yes), count
                if float(new) == -torch.inf:
                    return (w.new_tensor(t), point, new, slope, ~yes, yes), count
            del self._models[row]
            self._sampled_out.add(row)
            if fresh and whole:
                return (w.new_zeros(()), w, value, gradient, ~yes, ~yes), count

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Nothing: the Hessian is known."""

    def reset(self, rows: Tensor) -> None:
        """Forget the models."""
        for row in rows.tolist():
            self._models.pop(row, None)


def _working_set(w: Tensor, gradient: Tensor, weights: Tensor) -> Tensor:
    """The coordinates of a model [k]: all of few; else those not 0, and the worst that should not be."""
    if w.shape[0] <= SMALL:
        return torch.arange(w.shape[0], device=w.device)
    chosen = (w != 0) | (weights == 0)
    excess = torch.where(chosen, -torch.inf, gradient.abs() - weights)
    most = max(_FIRST, 2 * int(chosen.sum()))
    worst = excess.topk(min(most, w.shape[0])).indices
    chosen[worst[excess[worst] > 0]] = True
    return chosen.nonzero()[:, 0]


def has_constant_hessian(objective: Objective) -> bool:
    """Whether F is known to be quadratic: a linear model under normal noise of known size."""
    if not isinstance(objective, DataObjective) or not isinstance(objective.model, Linear):
        return False
    return isinstance(objective.likelihood, Gaussian) and not objective.likelihood.parameters
