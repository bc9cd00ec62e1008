"""The optimizers of ``torch.optim`` on the vector of a data objective, by minibatches of its rows."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from fivefold.core import ArgumentError, Status, require, torch_generator
from fivefold.linalg import Array, eigh
from fivefold.objective import DataObjective
from fivefold.optimize.comparison.trace import PRODUCT_COST, VALUE_COST
from fivefold.optimize.training.optimizers import make_optimizer
from fivefold.optimize.training.schedules import rate_multiplier

_FURTHER = 1.04
"""A point is kept once its step's number is so many times that of the one before: some 300 in a million."""
_FAR = 1e12
"""A point so many times further away than the start, or than 1, has diverged."""


@dataclass(frozen=True, slots=True)
class Stochastic:
    """An optimizer of ``train`` and the rates that suit it.

    Args:
        optimizer: Its name in :data:`~fivefold.optimize.training.optimizers.OPTIMIZERS`.
        rates: Rates that are tried where none is given.
        curved: Whether those are in units of 1 / lambda_max of the Hessian at the start.
        decay: Its weight decay.
    """

    optimizer: str
    rates: tuple[float, ...]
    curved: bool = False
    decay: float = 0.0

    def make(self, w: Tensor, rate: float) -> Optimizer:
        """Make it for one vector.

        >>> find_stochastic("sgd").make(torch.zeros(2), 0.5).param_groups[0]["momentum"]
        0
        """
        return make_optimizer(self.optimizer, [{"params": [w], "weight_decay": self.decay}], rate, w.device)


_OF_CURVATURE = (1.0, 0.3, 0.1, 0.03)
_ADAPTIVE = (0.3, 0.1, 0.03, 0.01, 0.003)


STOCHASTIC: dict[str, Stochastic] = {
    "sgd": Stochastic("sgd-plain", _OF_CURVATURE, curved=True),
    "sgd-momentum": Stochastic("sgd-momentum", _OF_CURVATURE, curved=True),
    "sgd-nesterov": Stochastic("sgd", _OF_CURVATURE, curved=True),
    "adagrad": Stochastic("adagrad", _ADAPTIVE),
    "rmsprop": Stochastic("rmsprop", _ADAPTIVE),
    "adam": Stochastic("adam", _ADAPTIVE),
    "adamw": Stochastic("adamw", _ADAPTIVE, decay=0.01),
}
"""What is compared, by name: a closed list. The optimizers are those of ``train``, where ``"sgd"`` has
Nesterov's momentum. ``adamw`` has PyTorch's decay of 0.01, which F does not ask for."""


@dataclass(frozen=True, eq=False, slots=True)
class StochasticRun:
    """How a stochastic minimisation went.

    Args:
        w: The last point [P]; where it diverged, the last one that was finite.
        status: ``OUT_OF_BUDGET``, since there is no stopping test, or ``DIVERGED``.
        reason: The same in words.
        rate: The peak learning rate.
        tried: Each rate that was tried with F [] after its trial; empty where the rate was given.
        batch: Rows in a batch.
        gradients: What was spent, in passes over all rows, the trials included.
        steps: Updates made after the trials.
        seconds: Wall-clock seconds, the trials included.
        path: Points [T, P], the start first and each 4% more steps away than the one before, or one step.
        spent: Gradients spent when each was reached, [T].
        clock: Seconds when each was reached, [T].
    """

    w: Tensor
    status: Status
    reason: str
    rate: float
    tried: tuple[tuple[float, float], ...]
    batch: int
    gradients: float
    steps: int
    seconds: float
    path: Tensor
    spent: Tensor
    clock: Tensor


def minimize_stochastic(
    objective: DataObjective,
    optimizer: str = "adam",
    *,
    gradients: float = 100.0,
    seconds: float = math.inf,
    batch: int | None = None,
    rate: float | None = None,
    schedule: str | Callable[[float], float] = "cosine",
    w0: Array | None = None,
    seed: int = 0,
) -> StochasticRun:
    r"""Minimise a data objective by stochastic gradients, under a budget that counts what the rate costs.

    w <- w - eta_t d(grad F_B(w)), B a batch of rows, each pass a new permutation of them; F_B is the mean
    over the batch with the prior's whole share, so that its gradient is unbiased. Robbins and Monro, 1951; d
    is ``torch.optim``'s.

    Where no rate is given, each of a short list makes one pass from the start (a twentieth of the budget at
    most), and the one that ends lowest is taken. For ``sgd``, with momentum or without, the list is in units
    of 1 / lambda_max, measured at the start on four batches of rows. All of that is spent from the budget: a
    value counts 1/3 of a gradient, a product with the Hessian 2.

    Args:
        objective: F over N rows.
        optimizer: A name of :data:`STOCHASTIC`.
        gradients: The budget in gradients of F, more than 0; one pass over all rows is one gradient.
        seconds: The budget in seconds, more than 0.
        batch: Rows in a batch, 1 to N; a hundredth of them by default, but at least 16 and at most 256.
        rate: The peak learning rate, positive; chosen by the rule above by default.
        schedule: ``"constant"``, ``"cosine"``, ``"one-cycle"``, or a factor as a function of progress 0..1.
        w0: The start [P]; the objective's own by default.
        seed: Order of the rows.

    Returns:
        The run with its path. Seconds as a budget do not promise the same bits; gradients alone do.

    Raises:
        ArgumentError: An unknown optimizer (the error names the nearest), or a number out of its range.

    >>> from fivefold.objective import Linear
    >>> from fivefold.probability import Gaussian
    >>> X = torch.linspace(-1, 1, 64, dtype=torch.float64)[:, None]
    >>> F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, 3 * X[:, 0] + 1))
    >>> run = minimize_stochastic(F, "adam", gradients=200)
    >>> [round(x, 2) for x in run.w.tolist()], run.gradients <= 200
    ([3.0, 1.0], True)
    """
    found = find_stochastic(optimizer)
    require(isinstance(objective, DataObjective), "a data objective, whose rows can be drawn", objective)
    require(gradients > 0, "a budget of more than 0 gradients", gradients)
    require(seconds > 0, "a budget of more than 0 seconds", seconds)
    require(rate is None or 0 < rate < math.inf, "a positive, finite rate", rate)
    size = min(max(objective.rows // 100, 16), 256, objective.rows) if batch is None else batch
    require(1 <= size <= objective.rows, f"a batch of 1 to {objective.rows} rows", size)
    rate_multiplier(schedule, 0.0)
    start = objective.initial if w0 is None else torch.as_tensor(w0, dtype=objective.dtype)
    fits = start.shape == (objective.size,) and bool(torch.isfinite(start).all())
    require(fits, f"a finite start of shape ({objective.size},)", tuple(start.shape))
    warm_up(optimizer)
    meter = _Meter(gradients, seconds)
    tried: list[tuple[float, float]] = []
    if rate is None:
        rate = _choose_rate(objective, found, start, size, seed, meter, tried)
    walk = _Walk(objective, found.make(start.clone(), rate), size, torch_generator(seed, "order"))
    walk.marks.append((start.clone(), 0.0, 0.0))
    ended = walk.go(meter, meter.gradients, schedule)
    w = walk.w.clone()
    reason = "the budget is spent"
    if ended is Status.DIVERGED:
        w, reason = walk.marks[-1][0], f"the point left every bound at the rate {rate:.3g}"
    else:
        walk.mark(meter)
    points, spent, clock = zip(*walk.marks, strict=True)
    return StochasticRun(
        w=w,
        status=ended,
        reason=reason,
        rate=rate,
        tried=tuple(tried),
        batch=size,
        gradients=meter.spent,
        steps=walk.steps,
        seconds=meter.elapsed,
        path=torch.stack(points),
        spent=torch.tensor(spent, dtype=torch.float64),
        clock=torch.tensor(clock, dtype=torch.float64),
    )


def find_stochastic(name: str) -> Stochastic:
    """Return an optimizer by its name.

    Raises:
        ArgumentError: No such optimizer; the error names the nearest.

    >>> find_stochastic("adam").curved
    False
    """
    if name not in STOCHASTIC:
        near = get_close_matches(name.lower(), STOCHASTIC, n=1, cutoff=0.0)[0]
        raise ArgumentError(
            f"an optimizer among {', '.join(STOCHASTIC)}", repr(name), f"the nearest is {near!r}"
        )
    return STOCHASTIC[name]


def warm_up(name: str) -> None:
    """Let PyTorch load what the first step of an optimizer needs, which takes seconds, before a clock starts.

    >>> warm_up("adam")
    """
    w = torch.zeros(1)
    optimizer = find_stochastic(name).make(w, 1.0)
    w.grad = torch.zeros(1)
    optimizer.step()


class _Meter:
    """What is spent of the budget."""

    def __init__(self, gradients: float, seconds: float) -> None:
        self.gradients, self.seconds = gradients, seconds
        self.spent, self._start = 0.0, time.perf_counter()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    @property
    def share(self) -> float:
        """The larger of the two shares that are spent, 0..1."""
        return min(1.0, max(self.spent / self.gradients, self.elapsed / self.seconds))

    def affords(self, gradients: float) -> bool:
        return self.spent + gradients <= self.gradients * (1 + 1e-12) and self.elapsed < self.seconds


class _Walk:
    """An optimizer on its way through the rows."""

    def __init__(
        self, objective: DataObjective, optimizer: Optimizer, batch: int, generator: torch.Generator
    ) -> None:
        self.objective, self.optimizer, self.generator = objective, optimizer, generator
        self.w: Tensor = optimizer.param_groups[0]["params"][0]
        self.peak: float = optimizer.param_groups[0]["lr"]
        self.rows = objective.rows
        self.parts = -(-self.rows // batch)
        self.steps = 0
        self.marks: list[tuple[Tensor, float, float]] = []
        self._bound = _FAR * (1.0 + float(self.w.norm()))

    def go(self, meter: _Meter, until: float, schedule: str | Callable[[float], float]) -> Status:
        """Walk until ``until`` gradients are spent, or the budget is; say whether it stayed within bounds."""
        first, following = meter.share, 1.0 if self.marks else math.inf
        while True:
            order = torch.randperm(self.rows, generator=self.generator)
            for part in torch.tensor_split(order, self.parts):
                cost = len(part) / self.rows
                if meter.spent + cost > until * (1 + 1e-12) or not meter.affords(cost):
                    return Status.OUT_OF_BUDGET
                progress = (meter.share - first) / max(1 - first, 1e-12)
                self.optimizer.param_groups[0]["lr"] = self.peak * rate_multiplier(schedule, progress)
                _, gradient = self.objective.on(part).value_and_gradient(self.w)
                self.w.grad = gradient
                self.optimizer.step()
                meter.spent += cost
                self.steps += 1
                if not float(self.w.norm()) < self._bound:  # NaN too
                    return Status.DIVERGED
                if self.steps >= following:
                    self.mark(meter)
                    following = max(following + 1, following * _FURTHER)

    def mark(self, meter: _Meter) -> None:
        """Keep the point."""
        self.marks.append((self.w.clone(), meter.spent, meter.elapsed))


def _choose_rate(
    objective: DataObjective,
    found: Stochastic,
    start: Tensor,
    batch: int,
    seed: int,
    meter: _Meter,
    tried: list[tuple[float, float]],
) -> float:
    """The rate whose trial ends lowest; the smallest where none is below the start."""
    unit = _unit_of_curvature(objective, start, 4 * batch, seed, meter) if found.curved else 1.0
    best, lowest = found.rates[-1] * unit, math.inf
    for factor in found.rates:
        length = min(1.0, 0.05 * meter.gradients)
        if not meter.affords(length + VALUE_COST):
            break
        rate = factor * unit
        walk = _Walk(objective, found.make(start.clone(), rate), batch, torch_generator(seed, "trial"))
        ended = walk.go(meter, meter.spent + length, "constant")
        value = math.inf
        if ended is not Status.DIVERGED:
            value = float(objective.value(walk.w))
            meter.spent += VALUE_COST
        tried.append((rate, value))
        if value < lowest:
            best, lowest = rate, value
    return best


def _unit_of_curvature(
    objective: DataObjective, start: Tensor, count: int, seed: int, meter: _Meter
) -> float:
    """1 / lambda_max of the Hessian at the start, over ``count`` rows drawn at random."""
    order = torch.randperm(objective.rows, generator=torch_generator(seed, "curvature"))
    part = objective.on(order[:count])
    most: dict[str, Any] = {"method": "lanczos", "tolerance": 0.05} if objective.size > 20 else {}
    top = eigh(part.hessian(start), 1, **most)
    # a Lanczos step multiplies a block of two, and the residual takes one more
    products = 2 * (top.steps + 1) + 1 if most else objective.size + 1
    meter.spent += PRODUCT_COST * products * part.rows / objective.rows
    return 1.0 / max(float(top.values[0]), torch.finfo(start.dtype).tiny)
