"""Which of several forms of one computation is faster: interleaved rounds, medians, an interval."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fivefold.core import require
from fivefold.networks.paired_times import fewest_pairs, median_interval
from fivefold.networks.stopwatch import stopwatch

_SHORTEST = 2e-3  # seconds a sample: below this the clock and the caller weigh too much
_MOST_CALLS = 200
_COVERAGE = 0.95


@dataclass(frozen=True)
class Speed:
    """How fast one form is beside the first of its kind.

    Attributes:
        name: Of the form.
        batch: Pictures at once.
        seconds: Median of one call.
        ratio: Median of its seconds over the first form's, round by round; below 1 is faster.
        low: Lower end of the ratio's interval.
        high: Upper end.
    """

    name: str
    batch: int
    seconds: float
    ratio: float
    low: float
    high: float

    def to_record(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self)


def race(
    works: Mapping[str, Callable[[], object]],
    *,
    batch: int = 1,
    rounds: int = 21,
    clock: Callable[[], float] | None = None,
) -> list[Speed]:
    """Time several forms of one computation in turns, and compare each with the first.

    Every round runs each form once, so that what slows the machine for a while slows all of them; the order
    turns from round to round. One round before the first is not counted.

    Args:
        works: What to time, by name; the first is the yardstick.
        batch: Pictures that each call takes; it is only noted.
        rounds: Counted rounds, at least 6: with fewer no interval covers the median with 95%.
        clock: Gives seconds; :func:`~fivefold.networks.stopwatch.stopwatch` where ``None``.

    Raises:
        ArgumentError: Nothing to time, or fewer than 6 rounds.

    >>> ticks = iter(range(1000))
    >>> [s.ratio for s in race({"a": int, "b": int}, rounds=7, clock=lambda: float(next(ticks)))]
    [1.0, 1.0]
    """
    require(len(works) >= 1, "at least 1 form to time", 0)
    fewest = fewest_pairs(_COVERAGE)
    require(rounds >= fewest, f"at least {fewest} rounds", rounds)
    clock = clock or stopwatch()
    calls: dict[str, int] = {}
    for name, work in works.items():
        work()
        start = clock()
        work()
        calls[name] = min(_MOST_CALLS, max(1, round(_SHORTEST / max(clock() - start, 1e-9))))
    taken: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            for _ in range(calls[name]):
                works[name]()
            taken[name].append((clock() - start) / calls[name])
    found = []
    for name in names:
        ratios = [a / b for a, b in zip(taken[name], taken[names[0]], strict=True)]
        low, high = median_interval(ratios, _COVERAGE)
        found.append(Speed(name, batch, statistics.median(taken[name]), statistics.median(ratios), low, high))
    return found
