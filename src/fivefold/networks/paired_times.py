r"""Which of two computations is faster: times in pairs, so that what slows the machine slows both.

The pairs' ratios :math:`r_i = t'_i / t_i` are sorted; the median lies between the k-th from below and the
k-th from above with probability at least :math:`1 - 2 P(B \le k - 1)`, B binomial of n and 1/2, whatever the
distribution of the times (Conover, "Practical nonparametric statistics", 1999, section 3.2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, comb
from statistics import median
from time import perf_counter

from fivefold.core import require
from fivefold.networks.stopwatch import stopwatch

_MOST_PAIRS = 201
_SHORTEST = 1e-3


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


def time_pairs(
    before: Callable[[], object],
    after: Callable[[], object],
    seconds: float,
    level: float = 0.95,
    clock: Callable[[], float] | None = None,
) -> PairedTimes:
    """Time two computations in pairs, each pair in the other order than the last.

    Both run twice first, uncounted. A computation of less than a millisecond is repeated inside each time.

    Args:
        before: The first computation.
        after: What may replace it.
        seconds: To be spent; at least as many pairs as the interval needs are run, at most 201.
        level: Of the ratio's interval.
        clock: Of the times, in seconds; :func:`~fivefold.networks.stopwatch.stopwatch` where ``None``.
    """
    clock = clock or stopwatch()
    start = perf_counter()
    for _ in range(2):
        before()
        begun = clock()
        after()
    once = max(clock() - begun, 1e-7)
    repeats = min(100, ceil(_SHORTEST / once))

    def time(run: Callable[[], object]) -> float:
        begun = clock()
        for _ in range(repeats):
            run()
        return (clock() - begun) / repeats

    least, times = fewest_pairs(level), ([], [])  # type: tuple[int, tuple[list[float], list[float]]]
    while len(times[0]) < least or (perf_counter() - start < seconds and len(times[0]) < _MOST_PAIRS):
        for which in (0, 1) if len(times[0]) % 2 == 0 else (1, 0):
            times[which].append(time((before, after)[which]))
    ratios = [b / a if a > 0 else 1.0 for a, b in zip(*times, strict=True)]
    lower, upper = median_interval(ratios, level)
    return PairedTimes(
        len(ratios), 1e3 * median(times[0]), 1e3 * median(times[1]), median(ratios), lower, upper
    )
