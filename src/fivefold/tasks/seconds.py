"""The seconds that a fit of pictures or texts may take."""

from fivefold.core import Budget, require

_DEFAULT = 60.0


def seconds_of(budget: str | float | Budget | None) -> float:
    """Return the seconds of a budget, 60 where there is none.

    Args:
        budget: As :meth:`fivefold.core.Budget.parse` takes it; one of steps is refused, for such a fit counts
            seconds alone.

    Raises:
        ArgumentError: No duration, or a budget of steps.

    >>> seconds_of("2m"), seconds_of(None)
    (120.0, 60.0)
    """
    found = Budget.parse(budget)
    require(budget is None or found.seconds is not None, "a budget with seconds", found, "give seconds: 60s")
    require(found.steps is None, "a budget of seconds alone", found, "leave the steps out")
    return found.seconds or _DEFAULT
