"""How the learning rate goes over the course of a training."""

import math
from collections.abc import Callable

from fivefold.core import ArgumentError

SCHEDULES = ("constant", "cosine", "one-cycle")


def rate_multiplier(schedule: str | Callable[[float], float], progress: float) -> float:
    r"""Factor on the peak learning rate at a point of the training.

    constant: 1. cosine: min(1, t / 0.05) (1 + cos(pi t)) / 2, with a warm-up over the first twentieth because
    Adam's second moments are not yet known. one-cycle: from 1/25 up to 1 at t = 0.3 and down to 0, both along
    a cosine (Smith and Topin, "Super-convergence", 2018).

    Args:
        schedule: ``"constant"``, ``"cosine"``, ``"one-cycle"``, or a function of the progress.
        progress: t in [0, 1], the share of the planned steps that is done.

    Returns:
        The factor, at least 0.

    Raises:
        ArgumentError: No such schedule.

    >>> [round(rate_multiplier("one-cycle", t), 3) for t in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    """
    if callable(schedule):
        return float(schedule(progress))
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return min(1.0, max(progress, 1e-3) / 0.05) * _fall(progress)
    if schedule == "one-cycle":
        if progress < 0.3:
            return 0.04 + 0.96 * (1.0 - _fall(progress / 0.3))
        return _fall((progress - 0.3) / 0.7)
    raise ArgumentError(f"a schedule among {', '.join(SCHEDULES)}, or a function", repr(schedule))


def _fall(t: float) -> float:
    """From 1 at t = 0 to 0 at t = 1 along a cosine."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, t)))
