r"""What a longer training will reach, from two short ones.

A complete training (its schedule carried to the end) that saw :math:`s` pictures leaves an error of about
:math:`e(s) = a s^{-b}`: a straight line on logarithmic axes (Hestness et al., "Deep learning scaling is
predictable, empirically", arXiv 1712.00409, 2017, for growing data; over growing trainings it bends, because
pictures come again). Two short trainings give a slope with the noise of both; it is averaged with the slope
that such networks usually have. That slope and the width of the band are set by hand:
``benchmarks/image_forecast.py`` measures both, and has yet to be run.
"""

import math
from dataclasses import dataclass

from fivefold.core import require

USUAL_SLOPE = 0.22
"""Set by hand."""
_WEIGHT = 0.5
_STEEPEST = 0.6
_BAND = 0.35
"""Standard deviation of the logarithm of forecast over measured error, per factor e^2 of extrapolation:
set by hand."""


@dataclass(frozen=True)
class Forecast:
    """The share of wrong answers that is expected.

    Attributes:
        error: In 0..1.
        low, high: The band that is set by hand.
    """

    error: float
    low: float
    high: float


def forecast_error(seen: tuple[float, float], errors: tuple[float, float], wanted: float) -> Forecast:
    r"""Extrapolate :math:`e(s) = e_2 (s / s_2)^{-b}`.

    Args:
        seen: Pictures that the two short trainings saw, positive; equal ones say nothing of the slope.
        errors: Their shares of wrong answers, in 0..1.
        wanted: Pictures of the training that is planned, positive.

    Raises:
        ArgumentError: Numbers out of their range.

    >>> round(forecast_error((1e4, 3e4), (0.2, 0.157), 3e5).error, 3)
    0.095
    """
    require(min(*seen, wanted) > 0, "positive numbers of pictures", (*seen, wanted))
    require(all(0 <= e <= 1 for e in errors), "errors in 0..1", errors)
    first, last = (max(e, 1e-4) for e in errors)
    slope = USUAL_SLOPE
    if seen[0] != seen[1]:
        measured = math.log(first / last) / math.log(seen[1] / seen[0])
        slope = _WEIGHT * min(max(measured, 0.0), _STEEPEST) + (1 - _WEIGHT) * USUAL_SLOPE
    distance = math.log(wanted / seen[1])
    error = last * math.exp(-slope * distance)
    width = 1.645 * (0.1 + _BAND * abs(distance) / 2)
    return Forecast(min(error, 1.0), error * math.exp(-width), min(error * math.exp(width), 1.0))
