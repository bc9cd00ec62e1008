"""What a run of a method cost and reached, point by point, as seen from outside the method."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

VALUE_COST = 1 / 3
"""Gradients that a value alone costs: forward is about a third of forward and backward."""
PRODUCT_COST = 2.0
"""Gradients that a product with a Hessian, a Gauss-Newton matrix or a Fisher matrix costs."""
HALF_COST = 1.0
"""Gradients that a product with a Jacobian, or with its adjoint, costs."""


class SpentError(BaseException):
    """The budget of a compared run is spent.

    Not an ``Exception``: a method that guards its evaluations must not take it for a failed one.
    """


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """One run: E points in the order of their evaluation.

    Args:
        gradients: Cost up to and with each point, in gradients [E].
        seconds: Wall-clock seconds up to it, without those of the recording [E].
        value: F there [E]; not finite where F is not.
        gradient_norm: Euclidean norm of the gradient there, NaN where only the value was asked for [E].
        w: The point of lowest value [P].
        ended: Why the run ended.
    """

    gradients: Tensor
    seconds: Tensor
    value: Tensor
    gradient_norm: Tensor
    w: Tensor
    ended: str

    @property
    def best(self) -> float:
        """The lowest finite value; infinite where there is none."""
        finite = self.value[torch.isfinite(self.value)]
        return float(finite.min()) if finite.numel() else math.inf

    def cost(self, value: float, *, gradient_norm: float = math.inf, measure: str = "gradients") -> float:
        """Return the cost of the first point as low as ``value`` with a gradient of that norm at most.

        Args:
            value: The largest F that will do.
            gradient_norm: The largest norm that will do; infinite where any will.
            measure: ``"gradients"`` or ``"seconds"``.

        Returns:
            Infinity where no point was.
        """
        reached = self.value <= value
        if gradient_norm < math.inf:
            reached = reached & (self.gradient_norm <= gradient_norm)
        where = reached.nonzero()[:, 0]
        costs = self.gradients if measure == "gradients" else self.seconds
        return float(costs[where[0]]) if where.numel() else math.inf


class Recorder:
    """Counts, times and keeps the points of one run, and ends it where the budget is spent.

    Args:
        start: The first point [P]: the best one until a lower is seen.
        gradients: Most gradients; no limit by default.
        seconds: Most seconds; no limit by default.
        now: The clock.

    >>> run = Recorder(torch.zeros(2), gradients=1.5)
    >>> run.pay(1.0)
    >>> run.see(torch.ones(1, 2), torch.tensor([3.0]), torch.tensor([0.5]))
    >>> run.trace("done").best, run.gradients
    (3.0, 1.0)
    """

    def __init__(
        self,
        start: Tensor,
        *,
        gradients: float = math.inf,
        seconds: float = math.inf,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.gradients = 0.0
        self.why = ""
        self._most, self._limit, self._now = gradients, seconds, now
        self._begun, self._aside = now(), 0.0
        self._rows: list[tuple[float, float, float, float]] = []
        self._best, self._w = math.inf, start.detach().clone()
        self._depth = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start, without those spent aside."""
        return self._now() - self._begun - self._aside

    def pay(self, gradients: float) -> None:
        """Add a cost, unless it would exceed the budget; free inside what is already paid for.

        Raises:
            SpentError: The budget does not hold it.
        """
        if self._depth:
            return
        if self.gradients + gradients > self._most:
            self.stop("the gradients are spent")
        if self.elapsed >= self._limit:
            self.stop("the time is spent")
        self.gradients += gradients

    def stop(self, why: str) -> None:
        """End the run.

        Raises:
            SpentError: Always.
        """
        self.why = why
        raise SpentError(why)

    @contextmanager
    def paid(self, gradients: float) -> Iterator[None]:
        """Pay for everything that is evaluated inside at once."""
        self.pay(gradients)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave out the time and the cost of what happens inside."""
        before = self._now()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self._aside += self._now() - before

    def see(self, w: Tensor, value: Tensor, gradient_norm: Tensor | None) -> None:
        """Keep points w [..., P], with F [...] and, where known, the norms [...] of their gradients."""
        if self._depth:
            return
        seconds = self.elapsed
        with self.aside():
            points = w.detach().reshape(-1, w.shape[-1])
            values = value.detach().reshape(-1).tolist()
            unknown = [math.nan] * len(values)
            norms = unknown if gradient_norm is None else gradient_norm.detach().reshape(-1).tolist()
            for row, (here, norm) in enumerate(zip(values, norms, strict=True)):
                self._rows.append((self.gradients, seconds, here, norm))
                if math.isfinite(here) and here < self._best:
                    self._best, self._w = here, points[row].clone()

    def trace(self, ended: str) -> Trace:
        """Return what was recorded."""
        table = torch.tensor(self._rows, dtype=torch.float64).reshape(-1, 4)
        return Trace(table[:, 0], table[:, 1], table[:, 2], table[:, 3], self._w, ended)
