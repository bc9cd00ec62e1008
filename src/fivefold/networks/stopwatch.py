"""How long a computation takes."""

from collections.abc import Callable
from math import inf
from statistics import median
from time import perf_counter, thread_time

import torch

from fivefold.core import require


def stopwatch() -> Callable[[], float]:
    """Return the clock that times what torch computes, in seconds.

    With one thread it is the thread's processor time, which leaves out what other programs take meanwhile;
    with more it is the wall's.

    >>> clock = stopwatch()
    >>> clock() <= clock()
    True
    """
    return thread_time if torch.get_num_threads() == 1 else perf_counter


def call_seconds(
    call: Callable[[], object],
    *,
    uncounted: int = 1,
    least: int = 1,
    most: float = 5,
    statistic: Callable[[list[float]], float] = median,
    enough: float = 0.1,
    limit: float = inf,
    clock: Callable[[], float] | None = None,
) -> float:
    """Return the seconds of a call: the median of some.

    Args:
        call: What is timed, without arguments.
        uncounted: Calls that are made before: kernels are made in the first, memory is where it will be in
            the second.
        least: Calls that are counted at least.
        most: Calls that are counted at most.
        statistic: Of the counted ones: ``min`` for what the machine can do where nothing disturbs it.
        enough: Seconds after which no further call is counted.
        limit: Where the first call takes more than five times as many seconds, it stays the only one.
        clock: In seconds; :func:`stopwatch` where ``None``.

    Raises:
        ArgumentError: Fewer than 1 call before or to be counted, or fewer at most than at least.

    >>> ticks = iter([0.0, 9.0, 10.0, 10.2, 20.0, 20.2])
    >>> round(call_seconds(lambda: None, clock=lambda: next(ticks)), 3)
    0.2
    """
    require(uncounted >= 1, "at least 1 call before", uncounted)
    require(1 <= least <= most, "at least 1 call that is counted, and no fewer at most", (least, most))
    clock = clock or stopwatch()

    def once() -> float:
        begun = clock()
        call()
        return clock() - begun

    first = once()
    if first > 5 * limit:
        return first
    for _ in range(uncounted - 1):
        once()
    taken: list[float] = []
    while len(taken) < least or (len(taken) < most and sum(taken) < enough):
        taken.append(once())
    return statistic(taken)
