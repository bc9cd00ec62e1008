"""What a computation may spend, and a clock that measures it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fivefold.core.errors import ArgumentError, require

_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]*)\s*")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a computation may spend; ``None`` means no limit of that sort.

    Seconds alone never promise the same bits twice; steps do.

    Args:
        seconds: Wall-clock seconds, positive.
        steps: Iterations, at least 0.

    >>> Budget.parse("90s"), Budget.parse("2m").seconds, Budget.parse(15).seconds
    (Budget(seconds=90.0, steps=None), 120.0, 15.0)
    """

    seconds: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        require(
            self.seconds is None or 0 < self.seconds < float("inf"), "positive, finite seconds", self.seconds
        )
        require(self.steps is None or self.steps >= 0, "steps of at least 0", self.steps)

    def minus(self, seconds: float, steps: int) -> "Budget | None":
        """Return what is left after so many seconds and steps, or ``None`` where nothing is.

        >>> Budget(steps=10).minus(2.0, 4), Budget(seconds=1.0).minus(2.0, 4)
        (Budget(seconds=None, steps=6), None)
        """
        time = None if self.seconds is None else self.seconds - seconds
        count = None if self.steps is None else self.steps - steps
        if (time is not None and time <= 0) or (count is not None and count <= 0):
            return None
        return Budget(time, count)

    @classmethod
    def parse(cls, text: "str | float | Budget | None") -> "Budget":
        """Read ``"60s"``, ``"2m"``, ``"1h"``, ``"500ms"``, a number of seconds, a budget, or ``None``.

        Raises:
            ArgumentError: Not a positive duration in one of those units.
        """
        if isinstance(text, Budget):
            return text
        if text is None:
            return cls()
        match = _TEXT.fullmatch(str(text).lower())
        if match is None or match[2] not in _UNITS:
            raise ArgumentError("a duration such as 60s, 2m or 1h", repr(text), "give a number and a unit")
        return cls(seconds=float(match[1]) * _UNITS[match[2]])


@dataclass(slots=True)
class Clock:
    """Seconds since the start, and whether a budget is spent.

    >>> ticks = iter([0.0, 1.0, 5.0])
    >>> clock = Clock(Budget(seconds=3.0), now=lambda: next(ticks))
    >>> clock.spent(), clock.spent()
    (False, True)
    """

    budget: Budget
    now: Callable[[], float] = time.monotonic
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made."""
        return self.now() - self.start

    def spent(self, steps: int = 0) -> bool:
        """Whether ``steps`` iterations or the elapsed time exhaust the budget."""
        if self.budget.steps is not None and steps >= self.budget.steps:
            return True
        return self.budget.seconds is not None and self.elapsed >= self.budget.seconds
