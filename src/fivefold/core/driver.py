"""One driver for every iterative method: it owns the budget, the history and the reason to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fivefold.core.budget import Budget, Clock
from fivefold.core.status import Status

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Info:
    """What one step reports: numbers for the history and, at the end, how it ended.

    Args:
        record: Named numbers of this step (value, gradient norm, step length, ...).
        status: ``None`` while the method wants to go on.
    """

    record: dict[str, float]
    status: Status | None = None


class Method(Protocol[State]):
    """``init`` makes a state, ``step`` moves it and reports."""

    def init(self) -> tuple[State, Info]:
        """Return the first state and its report."""
        ...

    def step(self, state: State) -> tuple[State, Info]:
        """Return the next state and its report."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Iteration(Generic[State]):
    """Where the driver stopped: the last state, why, the steps made, the seconds and the history."""

    state: State
    status: Status
    steps: int
    seconds: float
    history: dict[str, list[float]]


def drive(
    method: Method[State],
    budget: Budget | None = None,
    progress: Callable[[int, Info], None] | None = None,
) -> Iteration[State]:
    """Run a method until it reports a status or the budget is spent.

    Args:
        method: Something with ``init`` and ``step``.
        budget: What it may spend; no limit by default.
        progress: Called with the step number and its report.

    Returns:
        The last state, the status (``OUT_OF_BUDGET`` where the budget ended it) and the history, one list
        per recorded name with one entry per report, the initial one included.

    >>> class Halve:
    ...     def init(self): return 1.0, Info({"x": 1.0})
    ...     def step(self, x):
    ...         x = x / 2
    ...         return x, Info({"x": x}, Status.CONVERGED if x < 0.2 else None)
    >>> run = drive(Halve())
    >>> run.state, str(run.status), run.steps, run.history["x"]
    (0.125, 'converged', 3, [1.0, 0.5, 0.25, 0.125])
    >>> str(drive(Halve(), Budget(steps=1)).status)
    'out of budget'
    """
    clock = Clock(budget or Budget())
    state, info = method.init()
    history: dict[str, list[float]] = {}
    steps = 0
    while True:
        for name, number in info.record.items():
            history.setdefault(name, []).append(number)
        if progress is not None:
            progress(steps, info)
        if info.status is not None or clock.spent(steps):
            status = info.status or Status.OUT_OF_BUDGET
            return Iteration(state, status, steps, clock.elapsed, history)
        state, info = method.step(state)
        steps += 1
