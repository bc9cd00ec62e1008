r"""Which computation is faster: times in turns, so that what slows the machine slows all of them.

The pairs' ratios :math:`r_i = t'_i / t_i` are sorted; the median lies between the k-th from below and the
k-th from above with probability at least :math:`1 - 2 P(B \le k - 1)`, B binomial of n and 1/2, whatever the
distribution of the times (Conover, "Practical nonparametric statistics", 1999, section 3.2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from time import perf_counter

from fivefold.core import require
from fivefold.networks.stopwatch import stopwatch

_MOST_PAIRS = 201
_SHORTEST, _MOST_CALLS = 2e-3, 200
"""Seconds of a time: in less the clock and the caller weigh too much; and calls within it at most."""


@dataclass(frozen=True)
class PairedTimes:
    """Times of a computation and of what may replace it.

    Attributes:
        pairs: How many pairs were run.
        before_ms: Median of the first.
        after_ms: Median of the second.
        ratio: Median of second over first.
        lower: Lower end of the ratio's interval.
        upper: Upper end.
    """

    pairs: int
    before_ms: float
    after_ms: float
    ratio: float
    lower: float
    upper: float


def fewest_pairs(level: float) -> int:
    """Fewest pairs whose extremes enclose the median with that probability.

    >>> fewest_pairs(0.95), fewest_pairs(0.99)
    (6, 8)
    """
    require(0 < level < 1, "a level between 0 and 1", level)
    n = 1
    while 2.0 ** (1 - n) > 1 - level:
        n += 1
    return n


def median_interval(values: list[float], level: float) -> tuple[float, float]:
    """Interval that holds the median with at least that probability, whatever the distribution.

    Raises:
        ArgumentError: Fewer values than :func:`fewest_pairs`, or a level outside (0, 1).

    >>> median_interval([float(i) for i in range(1, 11)], 0.95)
    (2.0, 9.0)
    """
    n = len(values)
    least = fewest_pairs(level)
    require(n >= least, f"at least {least} values for a level of {level:g}", n)
    k, below = 0, 0.0
    while True:
        below += comb(n, k) / (1 << n)
        if 2 * below > 1 - level:
            break
        k += 1
    ordered = sorted(values)
    return ordered[k - 1], ordered[n - k]


def times_in_turns(
    works: Sequence[Callable[[], object]],
    *,
    least: int,
    most: int,
    seconds: float,
    clock: Callable[[], float] | None = None,
    now: Callable[[], float] = perf_counter,
) -> list[list[float]]:
    """Return the seconds of some computations in each of several rounds: one list for each of them.

    Every round runs each of them, begun by another one than the last round, so that what slows the machine
    for a while slows all. Each runs twice first, uncounted; one that takes less than 2 ms is repeated within
    a round, up to 200 times.

    Args:
        works: What is timed.
        least: Rounds at least.
        most: Rounds at most.
        seconds: After which no further round begins, once the least are run.
        clock: Of the times, in seconds; :func:`~fivefold.networks.stopwatch.stopwatch` where ``None``.
        now: The clock of the seconds to be spent.

    >>> ticks = iter(range(1000))
    >>> times_in_turns([int, int], least=1, most=3, seconds=9.0, clock=lambda: float(next(ticks)))
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    clock, begun = clock or stopwatch(), now()

    def time(work: Callable[[], object], calls: int) -> float:
        start = clock()
        for _ in range(calls):
            work()
        return (clock() - start) / calls

    calls = []
    for work in works:
        work()
        calls.append(min(_MOST_CALLS, max(1, round(_SHORTEST / max(time(work, 1), 1e-9)))))
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(most):
        if turn >= least and now() - begun >= seconds:
            break
        for place in range(len(works)):
            which = (turn + place) % len(works)
            taken[which].append(time(works[which], calls[which]))
    return taken


def ratios_of(times: Sequence[float], first: Sequence[float]) -> list[float]:
    """Return each time over the first computation's of its round; 1 where the clock saw nothing of that.

    >>> ratios_of([1.0, 2.0], [2.0, 0.0])
    [0.5, 1.0]
    """
    return [b / a if a > 0 else 1.0 for a, b in zip(first, times, strict=True)]


def time_pairs(
    before: Callable[[], object],
    after: Callable[[], object],
    seconds: float,
    level: float = 0.95,
    clock: Callable[[], float] | None = None,
) -> PairedTimes:
    """Time two computations in pairs, as :func:`times_in_turns` does.

    Args:
        before: The first computation.
        after: What may replace it.
        seconds: To be spent; at least as many pairs as the interval needs are run, at most 201.
        level: Of the ratio's interval.
        clock: Of the times, in seconds; :func:`~fivefold.networks.stopwatch.stopwatch` where ``None``.
    """
    least = fewest_pairs(level)
    first, second = times_in_turns(
        (before, after), least=least, most=_MOST_PAIRS, seconds=seconds, clock=clock
    )
    ratios = ratios_of(second, first)
    lower, upper = median_interval(ratios, level)
    return PairedTimes(len(ratios), 1e3 * median(first), 1e3 * median(second), median(ratios), lower, upper)
