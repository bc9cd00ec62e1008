"""Which of several forms of one computation is faster: interleaved rounds, medians, an interval."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
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
        rounds: How many were counted.
    """

    name: str
    batch: int
    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int

    def to_record(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return asdict(self)


def race(
    works: Mapping[str, Callable[[], object]],
    *,
    batch: int = 1,
    rounds: int = 21,
    seconds: float = math.inf,
    clock: Callable[[], float] | None = None,
    now: Callable[[], float] = perf_counter,
) -> list[Speed]:
    """Time several forms of one computation in turns, and compare each with the first.

    Every round runs each form once, so that what slows the machine for a while slows all of them; the order
    turns from round to round. One round before the first is not counted.

    Args:
        works: What to time, by name; the first is the yardstick.
        batch: Pictures that each call takes; it is only noted.
        rounds: Counted rounds at most, at least 6: with fewer no interval covers the median with 95%.
        seconds: After which no further round begins, once 6 are counted.
        clock: Gives the seconds of a form; :func:`~fivefold.networks.stopwatch.stopwatch` where ``None``.
        now: Gives those that the user waits.

    Raises:
        ArgumentError: Nothing to time, or fewer than 6 rounds.

    >>> ticks = iter(range(1000))
    >>> [s.ratio for s in race({"a": int, "b": int}, rounds=7, clock=lambda: float(next(ticks)))]
    [1.0, 1.0]
    """
    require(len(works) >= 1, "at least 1 form to time", 0)
    fewest = fewest_pairs(_COVERAGE)
    require(rounds >= fewest, f"at least {fewest} rounds", rounds)
    clock, begun = clock or stopwatch(), now()
    calls: dict[str, int] = {}
    for name, work in works.items():
        work()
        start = clock()
        work()
        calls[name] = min(_MOST_CALLS, max(1, round(_SHORTEST / max(clock() - start, 1e-9))))
    taken: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(rounds):
        if turn >= fewest and now() - begun >= seconds:
            break
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
        middle = statistics.median(taken[name])
        found.append(Speed(name, batch, middle, statistics.median(ratios), low, high, len(ratios)))
    return found


def affordable_batch(batch: int, timed: Sequence[Speed], seconds: float) -> int:
    """Return the batch, or half of it as often as needed until the fewest rounds fit into some seconds.

    Args:
        batch: Pictures at once, at least 1.
        timed: Of the same forms with a smaller batch; a picture is taken to cost as much.
        seconds: That are left.

    Returns:
        A batch above the one that was timed, or 0 where none fits.

    >>> slow = [Speed("a", 1, 0.1, 1.0, 1.0, 1.0, 21), Speed("b", 1, 0.025, 0.25, 0.25, 0.25, 21)]
    >>> affordable_batch(32, slow, 60.0), affordable_batch(32, slow, 10.0), affordable_batch(32, slow, 1.0)
    (32, 8, 0)
    """
    rounds = fewest_pairs(_COVERAGE) + 2  # two calls before the first that counts
    while batch > timed[0].batch:
        if rounds * batch * sum(each.seconds / each.batch for each in timed) <= seconds:
            return batch
        batch //= 2
    return 0
