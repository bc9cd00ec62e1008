"""Which of several forms of one computation is faster: interleaved rounds, medians, an interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import Any

from fivefold.core import require
from fivefold.networks.paired_times import fewest_pairs, median_interval, ratios_of, times_in_turns

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
    """Time several forms of one computation, and compare each with the first.

    They are timed as :func:`~fivefold.networks.paired_times.times_in_turns` does it.

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
    taken = times_in_turns(
        list(works.values()), least=fewest, most=rounds, seconds=seconds, clock=clock, now=now
    )
    found = []
    for name, times in zip(works, taken, strict=True):
        ratios = ratios_of(times, taken[0])
        low, high = median_interval(ratios, _COVERAGE)
        found.append(Speed(name, batch, median(times), median(ratios), low, high, len(ratios)))
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
