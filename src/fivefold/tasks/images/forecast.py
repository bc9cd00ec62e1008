r"""What a longer training will reach, from two short ones.

A complete training (its schedule carried to the end) that saw :math:`s` pictures leaves an error of about
:math:`e(s) = a s^{-b}`: a straight line on logarithmic axes (Hestness et al., "Deep learning scaling is
predictable, empirically", arXiv 1712.00409, 2017, for growing data; over growing trainings it bends, because
pictures come again). Two short trainings give a slope with the noise of both; it is averaged with the slope
that such networks usually have. That slope and the width of the band are set by hand:
``benchmarks/image_forecast.py`` measures both, and has yet to be run.

Of :math:`k` wrong among :math:`n` judged, the error is taken as :math:`(k + 1/2) / (n + 1)`, the mean of its
distribution after Jeffreys' prior, Beta(:math:`k + 1/2, n - k + 1/2`), whose quantiles widen the band: none
wrong of twenty is not an error of zero.
"""

import math
from dataclasses import dataclass

from scipy.stats import beta

from fivefold.core import require

USUAL_SLOPE = 0.22
"""Set by hand."""
_WEIGHT = 0.5
_STEEPEST = 0.6
_BAND = 0.35
"""Standard deviation of the logarithm of forecast over measured error, per factor e^2 of extrapolation:
set by hand."""
_TAIL, _NORMAL = 0.05, 1.645
"""Beyond each end of the band, and the normal distribution's quantile for it."""


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


def forecast_error(
    seen: tuple[float, float], errors: tuple[float, float], wanted: float, judged: int
) -> Forecast:
    r"""Extrapolate :math:`e(s) = e_2 (s / s_2)^{-b}`; a training of fewer pictures gets :math:`e_2`.

    The band joins two errors on the logarithmic axis as independent ones are joined: that of the line, which
    grows with the distance, and that of :math:`e_2`, from the quantiles of its distribution.

    Args:
        seen: Pictures that the two short trainings saw, positive; equal ones say nothing of the slope.
        errors: Their shares of wrong answers, in 0..1.
        wanted: Pictures of the training that is planned, positive.
        judged: Held-out pictures that the shares are of, at least 1.

    Raises:
        ArgumentError: Numbers out of their range.

    >>> round(forecast_error((1e4, 3e4), (0.2, 0.157), 3e5, 2000).error, 3)
    0.095
    >>> few = forecast_error((1e3, 1e3), (0.0, 0.0), 1e3, 21)
    >>> round(few.low, 4), round(few.error, 3), round(few.high, 2)
    (0.0001, 0.023, 0.09)
    """
    require(min(*seen, wanted) > 0, "positive numbers of pictures", (*seen, wanted))
    require(all(0 <= e <= 1 for e in errors), "errors in 0..1", errors)
    require(judged >= 1, "at least 1 judged picture", judged)
    first, last = ((judged * e + 0.5) / (judged + 1) for e in errors)
    slope = USUAL_SLOPE
    if seen[0] != seen[1]:
        measured = math.log(first / last) / math.log(seen[1] / seen[0])
        slope = _WEIGHT * min(max(measured, 0.0), _STEEPEST) + (1 - _WEIGHT) * USUAL_SLOPE
    distance = max(math.log(wanted / seen[1]), 0.0)
    error = last * math.exp(-slope * distance)
    line = _NORMAL * (0.1 + _BAND * distance / 2)
    wrong = judged * errors[1]
    ends = beta.ppf([_TAIL, 1 - _TAIL], wrong + 0.5, judged - wrong + 0.5)
    low, high = (math.hypot(line, math.log(float(end) / last)) for end in ends)
    return Forecast(min(error, 1.0), error * math.exp(-low), min(error * math.exp(high), 1.0))
